/**
 * Cancellations that came before the request they name (HT-0.04).
 *
 * Over HTTP a request and its cancellation travel on two connections, and nothing keeps them in order: a request that waits for a connection
 * is overtaken by the notification that calls it off. Forgetting the notification would let the call run until its deadline, with nobody
 * waiting for it. So it is kept for a moment, unless it names a call that has just ended, which is what most unknown ids are: ids must not
 * be used again (2025-11-25 basic, requests), but some clients do, and theirs must not be called off by an old cancellation. Decision 28.
 */
import type { Clock } from '../base/index.ts';

export const earlyLimits = {
  /** How long a cancellation waits for its request, milliseconds. */
  keepMs: 5_000,
  /** How many of one session wait; the oldest makes room. */
  kept: 64,
  /** Longest key of one that waits; what is longer is forgotten at once. */
  keyLength: 256,
  /** How many calls that have ended are remembered; a power of two. */
  ended: 16,
} as const;

export class EarlyCancellations {
  readonly #clock: Clock;
  /** Hashes: a key is a slice of its message, and would hold the whole of it. */
  readonly #ended = new Int32Array(earlyLimits.ended);
  #endedCount = 0;
  /** By key, when it came; made with the first. */
  #early: Map<string, number> | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A call has ended. Runs for every call: one slot of a small ring is written. */
  ended(key: string): void {
    this.#ended[this.#endedCount++ & (earlyLimits.ended - 1)] = hashOf(key);
  }

  /** A cancellation names no call in flight. */
  came(key: string): void {
    if (key.length > earlyLimits.keyLength || this.#ended.includes(hashOf(key))) return;
    const early = (this.#early ??= new Map<string, number>());
    early.delete(key);
    const [oldest] = early.size < earlyLimits.kept ? [] : early.keys();
    if (oldest !== undefined) early.delete(oldest);
    early.set(ownCopy(key), this.#clock.monotonic());
  }

  /** Asked once, when a request arrives: it was called off already. */
  takes(key: string): boolean {
    const at = this.#early?.get(key);
    if (at === undefined) return false;
    this.#early?.delete(key);
    return this.#clock.monotonic() - at < earlyLimits.keepMs;
  }
}

/** FNV-1a, 32 bits; never 0, which is an empty slot. Two keys in four thousand million share one: then a cancellation is ignored, as it may be. */
function hashOf(key: string): number {
  let hash = 0x811c9dc5 ^ key.length;
  const end = Math.min(key.length, earlyLimits.keyLength);
  for (let at = 0; at < end; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  return hash === 0 ? 1 : hash;
}

/** The same characters in memory of their own. */
function ownCopy(key: string): string {
  return Buffer.from(key, 'latin1').toString('latin1');
}
