/** Keeps what reached the scripted server, oldest dropped beyond the bound, so that a test can look at it or wait for it. */
import type { Received } from './script.ts';

const maxReceived = 50_000;

export class Recorder {
  readonly received: Received[] = [];
  /** Ids whose request was cancelled, in order: by `notifications/cancelled`, or by closing the answer (modern HTTP). */
  readonly cancelled: (string | number)[] = [];
  /** Answers the client posted to questions of the server. */
  readonly answers: unknown[] = [];
  dropped = 0;
  readonly #sink: ((received: Received) => void) | undefined;

  constructor(sink?: (received: Received) => void) {
    this.#sink = sink;
  }

  add(received: Received): void {
    this.received.push(received);
    if (this.received.length > maxReceived) {
      // In bulk: taking single ones off the front of a long array would cost more than the calls under test.
      this.dropped += this.received.splice(0, maxReceived / 10).length;
    }
    this.#sink?.(received);
  }

  cancel(id: string | number): void {
    if (this.cancelled.length < maxReceived) this.cancelled.push(id);
  }

  /** All messages of one method. */
  of(method: string): Received[] {
    return this.received.filter((one) => one.method === method);
  }

  clear(): void {
    this.received.length = 0;
    this.cancelled.length = 0;
    this.answers.length = 0;
  }
}
