/** What goes over a connection: a request, and whoever hears of its answer. */
import type { AnswerHead } from './answer-head.ts';

export interface ClientRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** With query. */
  readonly path: string;
  /** Fields of many requests, as lines that were checked once (`headerLines`). */
  readonly lines?: string;
  /** Fields of this one: name, value, name, value. */
  readonly headers: readonly string[];
  /** Bytes as characters. Undefined: there is no body. */
  readonly body: string | undefined;
  /** The connection is of no use afterwards. */
  readonly last?: boolean | undefined;
}

/** A request as it is written. */
export interface WrittenRequest {
  readonly text: string;
  readonly last: boolean;
}

/**
 * Hears of one request: `onWaiting` at most once and first, then `onSending`, `onHead`, `onData` any number of times, and at the end either
 * `onEnd` or `onError`. Nothing after `abort`.
 */
export interface AnswerHandler {
  /** There is no free connection yet. */
  onWaiting(request: Withdrawal): void;
  /** It is written after this returns, unless it is aborted in it. */
  onSending(control: RequestControl): void;
  onHead(head: AnswerHead): void;
  onData(text: string): void;
  onEnd(): void;
  /** Before `onSending`: nothing was sent. Errors have a `code`. */
  onError(error: Error): void;
}

export interface Withdrawal {
  /** Takes it back; a connection that it was written to is cut. */
  abort(handler: AnswerHandler): void;
}

/** Of a request that has its connection. */
export interface RequestControl extends Withdrawal {
  /** The connection is read no further. What had been read already still comes. */
  pause(): void;
  resume(): void;
}
