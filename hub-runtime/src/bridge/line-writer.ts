/**
 * Lines to a child's stdin: joined per turn of the event loop, bounded when the child does not read.
 *
 * One write per turn instead of one per call is what makes many small calls cheap. Newlines inside a message (whitespace of a client
 * that pretty-prints; strings cannot hold them raw) become spaces, since a newline ends a message on stdio.
 */
import type { Writable } from 'node:stream';

import type { RawJson } from '../wire/index.ts';

export class LineWriter {
  readonly #stream: Writable;
  readonly #queueBytes: number;
  #queue = '';
  #scheduled = false;
  #blocked = false;
  #open = true;

  constructor(stream: Writable, queueBytes: number) {
    this.#stream = stream;
    this.#queueBytes = queueBytes;
    stream.on('drain', () => {
      this.#blocked = false;
      this.#flush();
    });
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** False when the queue is full or the stream is over; then nothing was taken. */
  write(line: RawJson): boolean {
    if (!this.#open) return false;
    const waiting = this.#queue.length + this.#stream.writableLength;
    // A single line over the bound still goes out when nothing waits: the bound is on waiting, not on size.
    if (waiting > 0 && waiting + line.length > this.#queueBytes) return false;
    this.#queue += `${line.includes('\n') || line.includes('\r') ? line.replace(/[\r\n]/g, ' ') : line}\n`;
    if (!this.#scheduled && !this.#blocked) {
      this.#scheduled = true;
      setImmediate(this.#turn);
    }
    return true;
  }

  /** Sends what waits, then ends the stream. */
  end(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#blocked = false;
    this.#flush();
    this.#stream.end();
  }

  /** The stream broke: what waits is lost. */
  drop(): void {
    this.#open = false;
    this.#queue = '';
  }

  readonly #turn = (): void => {
    this.#scheduled = false;
    if (!this.#blocked) this.#flush();
  };

  #flush(): void {
    if (this.#queue === '') return;
    const text = this.#queue;
    this.#queue = '';
    this.#blocked = !this.#stream.write(text, 'latin1');
  }
}
