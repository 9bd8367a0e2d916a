/** How long a failed key waits: its own back-off, doubling from 5 ms to 1,000 s, and a bucket over all keys, as in client-go. */
import type { Clock } from 'quaymaster/base';

import { createTokenBucket } from '../transport/index.ts';

export interface RateLimits {
  readonly baseMs: number;
  readonly maxMs: number;
  /** Repetitions of all keys together, per second in the long run and at once. */
  readonly perSecond: number;
  readonly burst: number;
}

export const defaultRateLimits: RateLimits = { baseMs: 5, maxMs: 1_000_000, perSecond: 10, burst: 100 };

export interface RateLimiter {
  /** Counts a failure of `key` and returns its wait. */
  next(key: string): number;
  forget(key: string): void;
  failuresOf(key: string): number;
  readonly size: number;
}

export function createRateLimiter(
  clock: Pick<Clock, 'monotonic'>,
  maxKeys: number,
  given: Partial<RateLimits> = {},
): RateLimiter {
  const limits = { ...defaultRateLimits, ...given };
  const failures = new Map<string, number>();
  const bucket = createTokenBucket(limits, clock);
  return {
    next(key) {
      const count = failures.get(key) ?? 0;
      // Re-inserted, so that the oldest failure is the first to be dropped at the bound.
      failures.delete(key);
      const oldest = failures.keys().next();
      if (failures.size >= maxKeys && oldest.done !== true) failures.delete(oldest.value);
      failures.set(key, count + 1);
      return Math.max(Math.min(limits.maxMs, limits.baseMs * 2 ** Math.min(count, 40)), bucket.reserve());
    },
    forget(key) {
      failures.delete(key);
    },
    failuresOf: (key) => failures.get(key) ?? 0,
    get size() {
      return failures.size;
    },
  };
}
