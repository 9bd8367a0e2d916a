/**
 * The first list of a hub's life waits for its servers, once and bounded.
 *
 * Clients list right after they connect and many never list again; a hub that has just started would show them an empty shop. So until
 * all servers have settled, or the time since the first such request is over, lists wait. Afterwards nothing ever waits here: what comes
 * later is announced as a list change.
 */
import type { Clock } from '../base/index.ts';

export class WarmUp {
  readonly #clock: Clock;
  readonly #waitMs: number;
  #isOver = false;
  #waiting: Promise<void> | undefined;
  #finish: (() => void) | undefined;

  constructor(clock: Clock, waitMs: number) {
    this.#clock = clock;
    this.#waitMs = waitMs;
  }

  /** Undefined when there is nothing to wait for any more. */
  wait(isSettled: () => boolean): Promise<void> | undefined {
    if (this.#isOver) return undefined;
    if (isSettled()) {
      this.end();
      return undefined;
    }
    this.#waiting ??= new Promise<void>((resolve) => {
      const stopTimer = this.#clock.after(this.#waitMs, () => this.end());
      this.#finish = () => {
        stopTimer();
        resolve();
      };
    });
    return this.#waiting;
  }

  /** Servers have settled meanwhile: whoever waits goes on. Before anybody waits this means nothing; lazy servers sleep until then. */
  release(): void {
    if (this.#finish !== undefined) this.end();
  }

  /** Nothing waits from now on. */
  end(): void {
    this.#isOver = true;
    this.#finish?.();
    this.#finish = undefined;
  }
}
