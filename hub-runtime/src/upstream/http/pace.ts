/**
 * How long the answers of one replica take, as a moving average that forgets: each answer counts for a fifth, and old ones fade (HT-3.12).
 *
 * What is not asked for a while is believed to be as quick as any, so that one that was slow is tried again. Two numbers, no clock.
 */

/** Added to every pace: differences of this size are noise of the machine, milliseconds. */
export const floorMs = 20;
/** After this long without answers two thirds are forgotten, milliseconds. */
export const fadeMs = 10_000;
const share = 0.2;

export class Pace {
  #ms = 0;
  #at = 0;

  /** An answer came after `ms`. */
  took(ms: number, now: number): void {
    const before = this.#faded(now);
    this.#ms = before + share * (ms - before);
    this.#at = now;
  }

  /** What the next answer is expected to take. */
  msAt(now: number): number {
    return floorMs + this.#faded(now);
  }

  #faded(now: number): number {
    return this.#ms === 0 ? 0 : this.#ms * Math.exp((this.#at - now) / fadeMs);
  }
}
