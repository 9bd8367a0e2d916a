/**
 * One HTTP request toward a server, as an undici handler: collects a JSON body or splits an event stream, and says how it ended.
 *
 * Runs for every call, so it is one object without closures, and cancels without an AbortSignal. It knows HTTP, not JSON-RPC;
 * subclasses decide what a body or an event means. Exactly one of `complete` and `failed` is called, nothing after it.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';

import { type RawJson, rawFromBytes, SseParser } from '../../wire/index.ts';
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

class Aborted extends Error {}
class Refused extends Error {}

export abstract class HttpRequest implements Dispatcher.DispatchHandler {
  /** 0 until the answer begins. */
  status = 0;
  /** True once the request is being written. */
  sent = false;
  #controller: Dispatcher.DispatchController | undefined;
  #abortReason: Error | undefined;
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
  protected abstract started(status: number, headers: IncomingHttpHeaders): void;
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
    this.#controller?.pause();
  }

  resume(): void {
    this.#controller?.resume();
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
    this.#stop(new Aborted(reason));
  }

  /** Gives up on an answer that breaks a rule. `failed` follows with kind `refused`. */
  protected refuse(reason: string): void {
    this.#stop(new Refused(reason));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#abortReason !== undefined) controller.abort(this.#abortReason);
    else this.sent = true;
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200 || this.#over) return;
    this.status = status;
    const encoding = headers['content-encoding'];
    if (encoding !== undefined && encoding !== 'identity') {
      this.refuse(`its body is encoded as ${encoding.slice(0, 20)}, which was not asked for`);
      return;
    }
    const type = headers['content-type'];
    if (type !== undefined && type.startsWith('text/event-stream')) {
      this.#events = new SseParser((one) => {
        if (!this.#over) this.event(one.data, one.id, one.event, one.retry);
      }, this.#held);
    }
    this.started(status, headers);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#over) return;
    if (this.#events !== undefined && this.#taker === undefined) {
      if (!this.#events.push(rawFromBytes(chunk))) this.refuse(`one event is larger than ${this.#held} bytes`);
      else if (!this.#taken && this.#events.pendingBytes > httpLimits.passFromBytes) this.#eventGrown(this.#events);
      return;
    }
    this.#bytes += chunk.length;
    if (this.#bytes > this.#maxBytes) {
      this.refuse(`its body is larger than ${this.#maxBytes} bytes (spec.limits.response)`);
      return;
    }
    if (this.#taker !== undefined) this.#taker.data(rawFromBytes(chunk));
    else {
      this.#body += rawFromBytes(chunk);
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

  onResponseEnd(): void {
    if (this.#over) return;
    this.#over = true;
    const body = this.#body as RawJson;
    this.#body = '';
    this.#taker?.complete();
    this.complete(body);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#body = '';
    const own = this.#abortReason ?? error;
    this.#taker?.failed(own instanceof Aborted || own instanceof Refused ? own.message : describeNetworkError(error));
    if (own instanceof Aborted) this.failed({ kind: 'aborted', reason: own.message });
    else if (own instanceof Refused) this.failed({ kind: 'refused', reason: own.message });
    else this.failed({ kind: this.sent ? 'cut' : 'unsent', reason: describeNetworkError(error) });
  }

  #stop(reason: Error): void {
    if (this.#over || this.#abortReason !== undefined) return;
    this.#abortReason = reason;
    this.#controller?.abort(reason);
    // Still waiting for a connection: undici keeps it queued, `onRequestStart` gives it up; whoever waits hears of it now.
    if (!this.#over) this.onResponseError(undefined as never, reason);
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
  UND_ERR_CONNECT_TIMEOUT: 'no connection in time',
  UND_ERR_SOCKET: 'connection closed by the server',
  UND_ERR_HEADERS_OVERFLOW: 'response headers too large',
  UND_ERR_CLOSED: 'connection pool closed',
  UND_ERR_DESTROYED: 'connection pool closed',
};

/** Words for people. Built from codes only: messages of network libraries may quote URLs and headers. */
export function describeNetworkError(error: unknown): string {
  const code = codeOf(error);
  if (code === undefined) return 'connection failed';
  const words = explained[code];
  if (words !== undefined) return `${words} (${code})`;
  if (code.startsWith('HPE_')) return `it does not speak HTTP (${code})`;
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
