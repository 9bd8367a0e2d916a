/** A token bucket on a monotonic clock. `reserve` always grants and says how long to wait; the caller decides whether that is too long. */
import type { Clock } from 'quaymaster/base';

export interface TokenBucket {
  /** Takes one token, perhaps of the future. Returns the wait in milliseconds, 0 when there was one. */
  reserve(): number;
}

export function createTokenBucket(
  limits: { readonly perSecond: number; readonly burst: number },
  clock: Pick<Clock, 'monotonic'>,
): TokenBucket {
  let tokens = limits.burst;
  let last = clock.monotonic();
  return {
    reserve() {
      const now = clock.monotonic();
      tokens = Math.min(limits.burst, tokens + ((now - last) * limits.perSecond) / 1000);
      last = now;
      tokens -= 1;
      return tokens >= 0 ? 0 : (-tokens * 1000) / limits.perSecond;
    },
  };
}
