/**
 * Lets many calls through together, or one alone: first come, first served, each wait bounded in time, all of them in number.
 *
 * Where a shared server does not say which call a question belongs to, the only call there is must be the one.
 */
import type { Clock } from '../base/index.ts';
import type { Cancellation } from '../exchange/index.ts';

/** How many may wait. */
export const gateLimit = 1_000;

interface Waiting {
  readonly alone: boolean;
  enter(): void;
}

export class CallGate {
  readonly #clock: Clock;
  readonly #waiting: Waiting[] = [];
  #inside = 0;
  #alone = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Resolves with the way out once it may go; undefined: it was cancelled, its time was over, or too many wait. */
  enter(alone: boolean, waitMs: number, cancellation: Cancellation): Promise<(() => void) | undefined> {
    if (this.#waiting.length === 0 && this.#isFree(alone)) return Promise.resolve(this.#in(alone));
    if (this.#waiting.length >= gateLimit) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const leave = (way: (() => void) | undefined): void => {
        stopClock();
        forget();
        resolve(way);
      };
      const one: Waiting = { alone, enter: () => leave(this.#in(alone)) };
      const giveUp = (): void => {
        const at = this.#waiting.indexOf(one);
        if (at < 0) return;
        this.#waiting.splice(at, 1);
        leave(undefined);
        this.#next();
      };
      let forget = (): void => {};
      this.#waiting.push(one);
      const stopClock = this.#clock.after(waitMs, giveUp);
      forget = cancellation.onCancel(giveUp);
    });
  }

  #isFree(alone: boolean): boolean {
    return alone ? this.#inside === 0 : !this.#alone;
  }

  #in(alone: boolean): () => void {
    this.#inside++;
    this.#alone = alone;
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#inside--;
      if (this.#inside === 0) this.#alone = false;
      this.#next();
    };
  }

  #next(): void {
    for (let first = this.#waiting[0]; first !== undefined && this.#isFree(first.alone); first = this.#waiting[0]) {
      this.#waiting.shift();
      first.enter();
    }
  }
}
