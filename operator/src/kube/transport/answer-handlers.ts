/**
 * The receiving ends of a request, directly on undici's dispatch interface: one gathers an answer, one hands out lines of a watch as they
 * come. Both run the write guard at the last moment before the bytes leave, so that a process that slept between its decision and its
 * socket still writes nothing (fencing), and both bound what they keep.
 */
import type { Dispatcher } from 'undici';

import { KubeError } from './kube-error.ts';
import { createLineSplitter } from './line-splitter.ts';

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

export interface Handling {
  readonly handler: Dispatcher.DispatchHandler;
  /** Ends it from our side. The promise given to `settle` rejects with `error`. */
  abort(error: Error): void;
}

export interface Settle<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}

/** Throws when the request may not leave. */
export type Guard = () => void;

abstract class Receiver implements Dispatcher.DispatchHandler {
  #controller: Dispatcher.DispatchController | undefined;
  #aborted: Error | undefined;
  readonly #guard: Guard | undefined;

  constructor(guard: Guard | undefined) {
    this.#guard = guard;
  }

  abstract fail(error: unknown): void;

  abort(error: Error): void {
    if (this.#aborted !== undefined) return;
    this.#aborted = error;
    // Without a controller it waits for a connection; `onRequestStart` turns it away then.
    this.#controller?.abort(error);
    this.fail(error);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#aborted !== undefined) {
      controller.abort(this.#aborted);
      return;
    }
    try {
      this.#guard?.();
    } catch (error) {
      this.abort(error instanceof Error ? error : new Error(String(error)));
    }
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.fail(this.#aborted ?? error);
  }
}

class WholeAnswer extends Receiver {
  readonly #settle: Settle<RawAnswer>;
  readonly #maxBytes: number;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #status = 0;
  #headers: RawAnswer['headers'] = {};

  constructor(settle: Settle<RawAnswer>, maxBytes: number, guard: Guard | undefined) {
    super(guard);
    this.#settle = settle;
    this.#maxBytes = maxBytes;
  }

  fail(error: unknown): void {
    this.#settle.reject(error);
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: RawAnswer['headers']): void {
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#maxBytes) {
      this.abort(
        new KubeError('KUBE_PROTOCOL', `the answer is over ${this.#maxBytes} bytes`, { reason: 'AnswerTooLarge' }),
      );
      return;
    }
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    this.#settle.resolve({
      status: this.#status,
      headers: this.#headers,
      body: Buffer.concat(this.#chunks, this.#bytes),
    });
  }
}

export interface LineAnswerOptions {
  readonly onOpen: () => void;
  readonly onBytes: () => void;
  readonly onLine: (line: Buffer) => void;
  readonly maxLineBytes: number;
}

/** Failed answers of a watch are short texts. */
const maxFailureBytes = 64 * 1024;

class LineAnswer extends Receiver {
  readonly #settle: Settle<RawAnswer>;
  readonly #options: LineAnswerOptions;
  readonly #splitter;
  readonly #failure: Buffer[] = [];
  #failureBytes = 0;
  #status = 0;
  #headers: RawAnswer['headers'] = {};

  constructor(settle: Settle<RawAnswer>, options: LineAnswerOptions) {
    super(undefined);
    this.#settle = settle;
    this.#options = options;
    this.#splitter = createLineSplitter(options.onLine, options.maxLineBytes);
  }

  fail(error: unknown): void {
    this.#settle.reject(error);
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: RawAnswer['headers']): void {
    this.#status = status;
    this.#headers = headers;
    this.#options.onBytes();
    if (status < 300) this.#options.onOpen();
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#options.onBytes();
    if (this.#status >= 300) {
      this.#failureBytes += chunk.length;
      if (this.#failureBytes <= maxFailureBytes) this.#failure.push(chunk);
      return;
    }
    try {
      this.#splitter.push(chunk);
    } catch (error) {
      this.abort(error instanceof Error ? error : new Error(String(error)));
    }
  }

  onResponseEnd(): void {
    // A line that the end cut off is sent again by the next watch, which starts from the last whole event.
    this.#settle.resolve({ status: this.#status, headers: this.#headers, body: Buffer.concat(this.#failure) });
  }
}

export function wholeAnswer(settle: Settle<RawAnswer>, maxBytes: number, guard: Guard | undefined): Handling {
  const handler = new WholeAnswer(settle, maxBytes, guard);
  return { handler, abort: (error) => handler.abort(error) };
}

export function lineAnswer(settle: Settle<RawAnswer>, options: LineAnswerOptions): Handling {
  const handler = new LineAnswer(settle, options);
  return { handler, abort: (error) => handler.abort(error) };
}
