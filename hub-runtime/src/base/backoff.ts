/** How long to wait before the next attempt: exponential with full jitter, so that many clients of one failed server do not return together. */
import type { Random } from './clock.ts';

export interface BackoffOptions {
  /** Ceiling of the first wait. */
  readonly baseMs: number;
  /** Ceiling of every wait. */
  readonly maxMs: number;
  /** Shortest wait, so that full jitter never means "at once". */
  readonly minMs?: number;
}

/** Delay before attempt `attempt` (0 = the first repetition). Uniform between `minMs` and the ceiling of that attempt. */
export function backoffDelay(attempt: number, options: BackoffOptions, random: Random): number {
  const floor = options.minMs ?? 0;
  // 2 ** 30 is past every sensible ceiling; beyond it the product would only lose precision.
  const ceiling = Math.min(options.maxMs, options.baseMs * 2 ** Math.min(Math.max(attempt, 0), 30));
  return Math.max(floor, floor + (ceiling - floor) * random());
}
