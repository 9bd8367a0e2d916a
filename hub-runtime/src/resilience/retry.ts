/**
 * When a call that may be repeated is sent again (HT-1.11): how often, after which pause, and never so often that retries become the load.
 *
 * The pause is drawn at random from nothing up to its ceiling, so that calls that failed together do not come back together. A server's calls
 * earn its retries: one for every ten, ten in stock at most. A server that fails for everybody gets few, however many call it.
 */
import type { ResilienceConfig } from '@quaymaster/crds';

import type { Clock, Random } from '../base/index.ts';
import type { Cancellation } from '../exchange/index.ts';

export type RetrySettings = ResilienceConfig['retry'];

export const retryStock = 10;
const earnedPerCall = 0.1;

/** Longest pause before repetition `attempt` (0 = the first one). */
export function pauseCeiling(attempt: number, { backoff, delayMs, maxDelayMs }: RetrySettings): number {
  switch (backoff) {
    case 'fixed':
      return Math.min(maxDelayMs, delayMs);
    case 'linear':
      return Math.min(maxDelayMs, delayMs * (attempt + 1));
    case 'exponential':
      return Math.min(maxDelayMs, delayMs * 2 ** Math.min(attempt, 30));
  }
}

export class RetryBudget {
  #stock = retryStock;

  earn(): void {
    if (this.#stock < retryStock) this.#stock += earnedPerCall;
  }

  /** False: there is none left. */
  spend(): boolean {
    if (this.#stock < 1) return false;
    this.#stock--;
    return true;
  }
}

export function pauseMs(attempt: number, settings: RetrySettings, random: Random): number {
  return pauseCeiling(attempt, settings) * random();
}

/** Waits, or less when nobody waits for the call any more. */
export function pause(ms: number, clock: Clock, cancellation: Cancellation): Promise<void> {
  return new Promise((resolve) => {
    let forget = (): void => {};
    const stopClock = clock.after(ms, () => {
      forget();
      resolve();
    });
    forget = cancellation.onCancel(() => {
      stopClock();
      resolve();
    });
  });
}
