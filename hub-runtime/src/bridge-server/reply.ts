/**
 * The HTTP answer to one request: JSON, unless something has to be said before it; then an event stream.
 *
 * An error that proves nothing was executed leaves as 503 with a mark, so that a hub may take the call elsewhere (EF-31); inside an open stream
 * it is an answer like any other. Nothing is written twice, nothing after the end; a reader that does not read is cut.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';

import { type ErrorRow, errorTable } from '../base/index.ts';
import type { ErrorOutcome } from '../exchange/index.ts';
import { notExecutedHeader } from '../upstream/index.ts';
import { errorRaw, type RawJson, sseEvent, sseKeepAlive } from '../wire/index.ts';
import { bridgeLimits } from './limits.ts';

const json = ['Content-Type', 'application/json', 'Cache-Control', 'no-store'];
const events = ['Content-Type', 'text/event-stream', 'Cache-Control', 'no-store', 'X-Accel-Buffering', 'no'];

export interface ReplyWatch {
  /** Open streams get signs of life from here. */
  readonly streams: Set<Reply>;
}

export class Reply {
  readonly request: IncomingMessage;
  /** Runs when the connection closed before the answer. */
  gone: (() => void) | undefined;
  /** Runs once at the end, whatever it is. */
  onEnd: (() => void) | undefined;
  readonly #response: ServerResponse;
  readonly #watch: ReplyWatch;
  readonly #takesEvents: boolean;
  readonly #extra: string[] = [];
  #streaming = false;
  #done = false;

  constructor(request: IncomingMessage, response: ServerResponse, watch: ReplyWatch) {
    this.request = request;
    this.#response = response;
    this.#watch = watch;
    const { accept } = request.headers;
    this.#takesEvents = accept === undefined || accept.includes('text/event-stream') || accept.includes('*/*');
    response.on('close', () => this.#closed());
    response.on('error', () => {});
  }

  get done(): boolean {
    return this.#done;
  }

  get takesEvents(): boolean {
    return this.#takesEvents;
  }

  /** Headers of an answer that has not begun. */
  head(name: string, value: string): void {
    this.#extra.push(name, value);
  }

  /** Opens the stream now, for those that may stay silent. */
  open(): void {
    this.#open();
    this.#response.flushHeaders();
  }

  notify(message: RawJson): void {
    if (this.#done || !this.#takesEvents) return;
    this.#open();
    this.#write(sseEvent(message));
  }

  /** False: it cannot be said here. */
  deliver(message: RawJson): boolean {
    if (this.#done || !this.#takesEvents) return false;
    this.notify(message);
    return true;
  }

  keepAlive(): void {
    if (!this.#done) this.#write(sseKeepAlive);
  }

  answer(message: RawJson, status: number): void {
    if (this.#done) return;
    this.#finish();
    if (this.#streaming) {
      this.#response.end(sseEvent(message), 'latin1');
      return;
    }
    this.#response.writeHead(status, [...json, 'Content-Length', String(message.length), ...this.#extra]);
    this.#response.end(message, 'latin1');
  }

  /** An error answer; its status is the table's, and 503 whenever nothing was executed. */
  fail(id: RawJson | undefined, error: ErrorOutcome): void {
    const row: ErrorRow | undefined =
      error.errorCode === undefined ? undefined : errorTable[error.errorCode as keyof typeof errorTable];
    const status = row?.retry === 'later' && error.httpStatus !== 404 ? 503 : error.httpStatus;
    if (status === 503) {
      this.head(notExecutedHeader, '1');
      this.head('Retry-After', '1');
    }
    this.answer(errorRaw(id, error.code, error.message, error.data), status);
  }

  /** An answer without a message. */
  empty(status: number): void {
    if (this.#done) return;
    this.#finish();
    if (!this.#streaming) this.#response.writeHead(status, ['Content-Length', '0', ...this.#extra]);
    this.#response.end();
  }

  #open(): void {
    if (this.#streaming || this.#done) return;
    this.#streaming = true;
    this.#watch.streams.add(this);
    this.#response.writeHead(200, [...events, ...this.#extra]);
  }

  #write(text: string): void {
    if (this.#response.writableLength > bridgeLimits.streamBufferBytes) {
      this.#response.destroy();
      return;
    }
    this.#response.write(text, 'latin1');
  }

  #closed(): void {
    const { gone } = this;
    const early = !this.#done;
    this.#finish();
    if (early) gone?.();
  }

  #finish(): void {
    this.#done = true;
    this.gone = undefined;
    const { onEnd } = this;
    this.onEnd = undefined;
    onEnd?.();
    this.#watch.streams.delete(this);
  }
}
