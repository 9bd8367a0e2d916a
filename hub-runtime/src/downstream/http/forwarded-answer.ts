/**
 * A request on its way to another replica, and its answer on the way to the client: byte by byte, with the client's pace. What breaks in the
 * middle is said where it can be: between two events, or not at all (the connection is cut).
 */
import { hubError } from '../../exchange/index.ts';
import type { AbsentSession, ForwardEnd, Forwarding, ForwardSink, PeerRouter } from '../../session/index.ts';
import { errorRaw, type RawJson, sseEvent } from '../../wire/index.ts';
import type { HubEdge } from '../hub-edge.ts';
import type { ReplyOwner } from '../reply-sink.ts';
import type { EdgeRequest, EdgeResponse } from './edge-messages.ts';
import type { HttpReply } from './http-reply.ts';

/** `previous`: about what it still does for a session that it has let go. */
export function sendOn(
  edge: HubEdge,
  peers: PeerRouter,
  peer: string,
  request: EdgeRequest,
  reply: HttpReply,
  session: AbsentSession | undefined,
  id: RawJson | undefined,
  previous = false,
): Promise<ForwardEnd> {
  return new Promise((resolve) => {
    const pipe = new Pipe(edge, reply, request, id, resolve);
    const { method = 'POST', url = '', rawHeaders } = request;
    const [path = ''] = url.split('?', 1);
    pipe.forwarding = peers.forward(peer, { session, previous, method, path, rawHeaders, body: request.body }, pipe);
  });
}

const eventEnd = 0x0a;

/** The answer of another replica on its way to the client. */
class Pipe implements ForwardSink, ReplyOwner {
  forwarding: Forwarding | undefined;
  readonly #edge: HubEdge;
  readonly #reply: HttpReply;
  readonly #id: RawJson | undefined;
  readonly #resolve: (how: ForwardEnd) => void;
  /** A GET stream counts like one of this replica's own. */
  readonly #isStream: boolean;
  #response: EdgeResponse | undefined;
  #events = false;
  /** The last two bytes: between two events both are line feeds. */
  #last = eventEnd;
  #lastButOne = eventEnd;
  #over = false;

  constructor(
    edge: HubEdge,
    reply: HttpReply,
    request: EdgeRequest,
    id: RawJson | undefined,
    resolve: (how: ForwardEnd) => void,
  ) {
    this.#edge = edge;
    this.#reply = reply;
    this.#id = id;
    this.#resolve = resolve;
    this.#isStream = request.method === 'GET';
    if (this.#isStream) edge.streams++;
    else edge.forwards++;
    reply.owner = this;
  }

  head(status: number, headers: string[]): void {
    const response = this.#reply.handOver(this);
    this.#response = response;
    this.#events = headers.some((one, at) => at % 2 === 1 && one.startsWith('text/event-stream'));
    response.on('drain', () => this.forwarding?.resume());
    response.writeHead(status, headers);
    if (this.#events) response.flushHeaders();
  }

  data(chunk: Buffer): boolean {
    const { length } = chunk;
    this.#lastButOne = length > 1 ? (chunk[length - 2] ?? 0) : this.#last;
    this.#last = chunk[length - 1] ?? 0;
    return this.#response?.write(chunk) ?? true;
  }

  end(how: ForwardEnd): void {
    this.#leave();
    const response = this.#response;
    if (response === undefined) {
      this.#resolve(how);
      return;
    }
    if (how === 'done') response.end();
    else if (this.#events && this.#id !== undefined && this.#betweenEvents()) {
      const { code, message, data } = hubError('QM_REPLICA_LOST');
      response.end(sseEvent(errorRaw(this.#id, code, message, data)), 'latin1');
    } else if (this.#events && this.#id === undefined && this.#betweenEvents()) response.end();
    else response.destroy();
    this.#resolve('done');
  }

  /** The client went away before the answer began. */
  clientGone(): void {
    this.forwarding?.cancel();
  }

  /** The client went away while it was answered. */
  closed(): void {
    if (!this.#over) this.forwarding?.cancel();
  }

  #betweenEvents(): boolean {
    return this.#last === eventEnd && this.#lastButOne === eventEnd;
  }

  #leave(): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#isStream) this.#edge.streams--;
    else this.#edge.forwards--;
  }
}
