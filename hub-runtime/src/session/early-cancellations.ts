/**
 * Cancellations that came before the request they name (HT-0.04).
 *
 * Over HTTP a request and its cancellation travel on two connections, and nothing keeps them in order: a request that waits for a connection
 * is overtaken by the notification that calls it off. Forgetting the notification would let the call run until its deadline, with nobody
 * waiting for it. So it is kept for a moment, unless it names a call that has just ended, which is what most unknown ids are: ids must not
 * be used again (2025-11-25 basic, requests), but some clients do, and theirs must not be called off by an old cancellation.
 */
import type { Clock } from '../base/index.ts';

export const earlyLimits = {
  /** How long a cancellation waits for its request, milliseconds. */
  keepMs: 5_000,
  /** How many of one session wait; the oldest makes room. */
  kept: 64,
  /** How many calls that have ended are remembered; a power of two. */
  ended: 16,
} as const;

export class EarlyCancellations {
  readonly #clock: Clock;
  readonly #ended: string[] = [];
  #endedCount = 0;
  /** By key, when it came; made with the first. */
  #early: Map<string, number> | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A call has ended. Runs for every call: one slot of a small ring is written. */
  ended(key: string): void {
    this.#ended[this.#endedCount++ & (earlyLimits.ended - 1)] = key;
  }

  /** A cancellation names no call in flight. */
  came(key: string): void {
    if (this.#ended.includes(key)) return;
    const early = (this.#early ??= new Map<string, number>());
    early.delete(key);
    const [oldest] = early.size < earlyLimits.kept ? [] : early.keys();
    if (oldest !== undefined) early.delete(oldest);
    early.set(key, this.#clock.monotonic());
  }

  /** Asked once, when a request arrives: it was called off already. */
  takes(key: string): boolean {
    const at = this.#early?.get(key);
    if (at === undefined) return false;
    this.#early?.delete(key);
    return this.#clock.monotonic() - at < earlyLimits.keepMs;
  }
}
