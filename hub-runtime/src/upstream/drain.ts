/** Waiting for calls to end, for a bounded time. */
import type { Clock } from '../base/index.ts';

/** How often is looked, milliseconds. The first look is also the grace for calls that are on their way to the lane. */
const tickMs = 50;

/** Resolves when nothing is in flight, or the time is over. Without any time: at once. */
export async function drained(clock: Clock, timeoutMs: number, inFlight: () => number): Promise<void> {
  const until = clock.monotonic() + timeoutMs;
  for (let left = timeoutMs; left > 0; left = until - clock.monotonic()) {
    const pause = Math.min(tickMs, left);
    await new Promise<void>((resolve) => clock.after(pause, resolve));
    if (inFlight() === 0) return;
  }
}
