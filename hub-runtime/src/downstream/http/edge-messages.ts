/** node:http's request and response with room for what the edge keeps per request: no closures, no side tables. */
import { IncomingMessage, ServerResponse } from 'node:http';

import type { HubEdge } from '../hub-edge.ts';
import type { HttpReply } from './http-reply.ts';

export class EdgeRequest extends IncomingMessage {
  edge: HubEdge | undefined = undefined;
  reply: HttpReply | undefined = undefined;
  /** The body so far. Nearly always one chunk. */
  first: Buffer | undefined = undefined;
  more: Buffer[] | undefined = undefined;
  received = 0;
  /** Set when another replica sent it: whether a body is the one it signed. */
  accepts: ((body: Buffer | undefined) => boolean) | undefined = undefined;
  /** Serves it once more, from after its head: its session has come here. */
  again: (() => void) | undefined = undefined;
  /** Served once more already. */
  relayed = false;
  /** What its body is for, when that is not the hub's path. */
  serve: ((edge: HubEdge, request: EdgeRequest, reply: HttpReply, bytes: Buffer) => void) | undefined = undefined;

  get body(): Buffer | undefined {
    const { first, more } = this;
    return first === undefined || more === undefined ? first : Buffer.concat([first, ...more]);
  }
}

export class EdgeResponse extends ServerResponse<EdgeRequest> {
  /** Told when the connection under this response closes. */
  watcher: { closed(): void } | undefined = undefined;
}
