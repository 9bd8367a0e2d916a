/**
 * The event stream of HTTP+SSE (2024-11-05): its first event names the address to post to, every later one carries a message.
 *
 * One GET for the life of a conversation; it is not opened again: the session ends with it. The address must lead to the same origin, since
 * the server's credentials go there with every message.
 */
import type { AnswerHead } from '../../http-client/index.ts';
import type { RawJson } from '../../wire/index.ts';
import { ConnectError } from '../conversation.ts';
import { statusError } from './handshake.ts';
import { type Failure, HttpRequest } from './http-request.ts';
import { httpLimits } from './limits.ts';

export interface SseStreamEvents {
  /** Once: path and query to post to. */
  opened(path: string): void;
  message(data: RawJson): void;
  /** Once. Before `opened`: why there is no conversation. */
  ended(error: ConnectError): void;
}

export class SseStream extends HttpRequest {
  readonly #origin: string;
  readonly #path: string;
  readonly #on: SseStreamEvents;
  #opened = false;
  #over = false;

  /** `path`: of the GET, with query. `maxBytes`: of one event, which may carry an answer. */
  constructor(origin: string, path: string, maxBytes: number, on: SseStreamEvents) {
    super(Math.min(maxBytes, httpLimits.responseBytes));
    this.#origin = origin;
    this.#path = path;
    this.#on = on;
  }

  protected override started({ status }: AnswerHead): void {
    const refusal = statusError(status);
    if (refusal !== undefined) this.#end(refusal);
    else if (status < 200 || status >= 300) this.#end(notOffered(`it answers GET with HTTP ${status}`));
    else if (!this.streaming) this.#end(notOffered('it answers GET with no event stream'));
    if (this.#over) this.abort('not offered');
  }

  protected override event(data: RawJson, _id: string | undefined, event: string): void {
    if (this.#over) return;
    if (this.#opened) {
      if (event === 'message' && data !== '') this.#on.message(data);
      return;
    }
    // A GET stream of Streamable HTTP begins with something else.
    if (event !== 'endpoint') return;
    const path = addressIn(data, this.#origin, this.#path);
    if (path instanceof ConnectError) {
      this.#end(path);
      this.abort('bad endpoint');
      return;
    }
    this.#opened = true;
    this.#on.opened(path);
  }

  protected override complete(_body: RawJson): void {
    this.#end(new ConnectError('ConnectionLost', 'it closed the event stream', true));
  }

  protected override failed({ kind, reason }: Failure): void {
    if (kind === 'unsent') this.#end(new ConnectError('Unreachable', `it cannot be reached: ${reason}`, true));
    else if (kind === 'refused') this.#end(new ConnectError('HandshakeFailed', reason, true));
    else this.#end(new ConnectError('ConnectionLost', `its event stream broke: ${reason}`, true));
  }

  #end(error: ConnectError): void {
    if (this.#over) return;
    this.#over = true;
    this.#on.ended(error);
  }
}

/** The server does not speak HTTP+SSE here. */
export class NotOffered extends ConnectError {}

function notOffered(what: string): NotOffered {
  return new NotOffered('TransportUnsupported', `${what}, so it does not speak HTTP+SSE of 2024-11-05 there`, true);
}

const longestAddress = 2_048;

/** The query of the address is the session's secret: it appears in no message. */
function addressIn(data: RawJson, origin: string, path: string): string | ConnectError {
  const url = data.length > longestAddress ? null : URL.parse(data, `${origin}${path}`);
  if (url === null || url.username !== '' || url.password !== '')
    return new ConnectError('HandshakeFailed', 'the endpoint event of its event stream holds no usable address', false);
  if (url.origin !== origin)
    return new ConnectError(
      'HandshakeFailed',
      'the endpoint event of its event stream leads to another origin, where its credentials must not go',
      false,
    );
  return `${url.pathname}${url.search}`;
}
