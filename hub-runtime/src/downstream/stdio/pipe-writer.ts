/**
 * Messages to stdout, one per line, and nothing else ever.
 *
 * A full pipe pauses the reading of requests, so answers are bounded by the calls in flight; notifications beyond
 * `limits.streamBufferBytes` are dropped and counted, since nobody may wait for them.
 */
import type { Writable } from 'node:stream';

import type { Clock } from '../../base/index.ts';
import type { RawJson } from '../../wire/index.ts';

export interface PipeWriterOptions {
  readonly stdout: Writable;
  /** Bytes that may wait before notifications are dropped. */
  maxWaiting(): number;
  onDropped(): void;
  /** The pipe is full: stop reading. */
  onFull(): void;
  /** It has room again. */
  onRoom(): void;
}

const lineBreaks = /[\r\n]/g;
const lineBreak = /[\r\n]/;

export class PipeWriter {
  readonly #options: PipeWriterOptions;
  #full = false;

  constructor(options: PipeWriterOptions) {
    this.#options = options;
    options.stdout.on('drain', () => {
      this.#full = false;
      options.onRoom();
    });
  }

  answer(message: RawJson): void {
    const { stdout } = this.#options;
    if (stdout.destroyed || stdout.writableEnded) return;
    // Line breaks in JSON stand only between its parts, where a space means the same.
    const line = lineBreak.test(message) ? message.replace(lineBreaks, ' ') : message;
    if (stdout.write(`${line}\n`, 'latin1') || this.#full) return;
    this.#full = true;
    this.#options.onFull();
  }

  notify(message: RawJson): boolean {
    const { stdout } = this.#options;
    if (stdout.writableLength > this.#options.maxWaiting()) {
      this.#options.onDropped();
      return false;
    }
    this.answer(message);
    return true;
  }

  /** Resolves when everything written has been handed over, the pipe is gone, or its reader has slept for too long. */
  async flush(clock: Clock, patienceMs: number): Promise<void> {
    const { stdout } = this.#options;
    if (stdout.destroyed || stdout.writableLength === 0) return;
    await new Promise<void>((resolve) => {
      const stop = clock.after(patienceMs, resolve);
      const done = (): void => {
        stop();
        resolve();
      };
      stdout.once('close', done);
      stdout.once('error', done);
      stdout.write('', done);
    });
  }
}
