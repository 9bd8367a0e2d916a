/**
 * One HTTP request toward a server: collects a JSON body or splits an event stream, and says how it ended.
 *
 * Runs for every call, so it is one object without closures, and cancels without an AbortSignal. It knows HTTP, not JSON-RPC;
 * subclasses decide what a body or an event means. Exactly one of `complete` and `failed` is called, nothing after it.
 */
import type { AnswerHandler, AnswerHead, RequestControl, Withdrawal } from '../../http-client/index.ts';
import { type RawJson, SseParser } from '../../wire/index.ts';
import { LargeEvent } from './large-event.ts';
import { httpLimits } from './limits.ts';

export type FailureKind =
  /** Nothing was written: the server cannot have seen it. */
  | 'unsent'
  /** The connection went away after the request was written. */
  | 'cut'
  /** The answer breaks a bound or the protocol of HTTP. */
  | 'refused'
  /** `abort` was called. */
  | 'aborted';

export interface Failure {
  readonly kind: FailureKind;
  readonly reason: string;
}

/** Of a body that is not held. */
export interface BodyTaker {
  data(text: RawJson): void;
  complete(): void;
  failed(reason: string): void;
}

export abstract class HttpRequest implements AnswerHandler {
  /** 0 until the answer begins. */
  status = 0;
  /** True once the request is being written. */
  sent = false;
  #withdrawal: Withdrawal | undefined;
  /** Since it has a connection. */
  #control: RequestControl | undefined;
  #over = false;
  #body = '';
  #bytes = 0;
  #taker: BodyTaker | undefined;
  #taken = false;
  #events: SseParser | undefined;
  readonly #maxBytes: number;

  protected constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The head of the answer. May call `abort` or `refuse`. */
  protected abstract started(head: AnswerHead): void;
  /** One event of an event stream. */
  protected abstract event(data: RawJson, id: string | undefined, event: string, retryMs: number | undefined): void;
  /** The end of the answer: the body, or '' after an event stream. */
  protected abstract complete(body: RawJson): void;
  protected abstract failed(failure: Failure): void;
  /** A body has grown over `passFromBytes`, and this is its beginning. Whoever takes it gets the rest, and `complete` has none. */
  protected taker(_body: RawJson): BodyTaker | undefined {
    return undefined;
  }

  /** The connection stands still. */
  pause(): void {
    this.#control?.pause();
  }

  resume(): void {
    this.#control?.resume();
  }

  get over(): boolean {
    return this.#over;
  }

  /** True when the answer is an event stream. */
  get streaming(): boolean {
    return this.#events !== undefined;
  }

  /** Gives the request up; the connection is cut when it was in use. `failed` follows with kind `aborted`. */
  abort(reason: string): void {
    this.#stop('aborted', reason);
  }

  /** Gives up on an answer that breaks a rule. `failed` follows with kind `refused`. */
  protected refuse(reason: string): void {
    this.#stop('refused', reason);
  }

  onWaiting(request: Withdrawal): void {
    this.#withdrawal = request;
  }

  onSending(control: RequestControl): void {
    this.#withdrawal = control;
    this.#control = control;
    this.sent = true;
  }

  onHead(head: AnswerHead): void {
    this.status = head.status;
    const { contentEncoding, contentType } = head;
    if (contentEncoding !== undefined && contentEncoding !== 'identity') {
      this.refuse(`its body is encoded as ${contentEncoding.slice(0, 20)}, which was not asked for`);
      return;
    }
    if (contentType !== undefined && contentType.startsWith('text/event-stream')) {
      this.#events = new SseParser((one) => {
        if (!this.#over) this.event(one.data, one.id, one.event, one.retry);
      }, this.#held);
    }
    this.started(head);
  }

  onData(text: string): void {
    if (this.#over) return;
    const chunk = text as RawJson;
    if (this.#events !== undefined && this.#taker === undefined) {
      if (!this.#events.push(chunk)) this.refuse(`one event is larger than ${this.#held} bytes`);
      else if (!this.#taken && this.#events.pendingBytes > httpLimits.passFromBytes) this.#eventGrown(this.#events);
      return;
    }
    this.#bytes += chunk.length;
    if (this.#bytes > this.#maxBytes) {
      this.refuse(`its body is larger than ${this.#maxBytes} bytes (spec.limits.response)`);
      return;
    }
    if (this.#taker !== undefined) this.#taker.data(chunk);
    else {
      this.#body += chunk;
      if (this.#bytes > httpLimits.passFromBytes) this.#grown();
    }
  }

  get #held(): number {
    return Math.min(this.#maxBytes, httpLimits.responseBytes);
  }

  /** From here on the stream is read for this event alone. */
  #eventGrown(events: SseParser): void {
    const { unfinished } = events;
    this.#taken = true;
    const taker = unfinished === undefined ? undefined : this.taker(unfinished);
    if (unfinished === undefined || taker === undefined) return;
    this.#bytes = unfinished.length;
    this.#taker = new LargeEvent(taker);
    this.#taker.data(unfinished);
  }

  #grown(): void {
    if (!this.#taken) {
      this.#taken = true;
      const body = this.#body as RawJson;
      this.#taker = this.taker(body);
      if (this.#taker !== undefined) {
        this.#body = '';
        this.#taker.data(body);
        return;
      }
    }
    if (this.#bytes > this.#held) this.refuse(`its body is larger than ${this.#held} bytes`);
  }

  onEnd(): void {
    if (this.#over) return;
    this.#over = true;
    this.#withdrawal = undefined;
    this.#control = undefined;
    const body = this.#body as RawJson;
    this.#body = '';
    this.#taker?.complete();
    this.complete(body);
  }

  onError(error: Error): void {
    this.#fail(this.sent ? 'cut' : 'unsent', describeNetworkError(error));
  }

  #stop(kind: 'aborted' | 'refused', reason: string): void {
    if (this.#over) return;
    this.#withdrawal?.abort(this);
    this.#fail(kind, reason);
  }

  #fail(kind: FailureKind, reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#withdrawal = undefined;
    this.#control = undefined;
    this.#body = '';
    this.#taker?.failed(reason);
    this.failed({ kind, reason });
  }
}

const explained: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection closed',
  ENOTFOUND: 'host name not found',
  EAI_AGAIN: 'host name lookup failed for now',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  ETIMEDOUT: 'connection timed out',
  CONNECT_TIMEOUT: 'no connection in time',
  CLOSED_BY_SERVER: 'connection closed by the server',
  HEAD_TOO_LARGE: 'response headers too large',
  CLIENT_CLOSED: 'connection pool closed',
  BAD_REQUEST_HEADER: 'a request header that HTTP does not allow',
};

/** Words for people. Built from codes only: messages of network libraries may quote URLs and headers. */
export function describeNetworkError(error: unknown): string {
  const code = codeOf(error);
  if (code === undefined) return 'connection failed';
  const words = explained[code];
  if (words !== undefined) return `${words} (${code})`;
  if (code.startsWith('HTTP_')) return `it does not speak HTTP (${code})`;
  if (code.includes('CERT') || code.startsWith('ERR_TLS') || code.includes('SELF_SIGNED'))
    return `TLS failed (${code})`;
  return `connection failed (${code})`;
}

function codeOf(error: unknown): string | undefined {
  for (let at = error, depth = 0; typeof at === 'object' && at !== null && depth < 4; depth++) {
    if ('code' in at && typeof at.code === 'string' && /^[A-Z][A-Z0-9_]{1,60}$/.test(at.code)) return at.code;
    at = 'cause' in at ? at.cause : undefined;
  }
  return undefined;
}
