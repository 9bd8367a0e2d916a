/**
 * Whether a reader keeps pace: what waits for it at one moment must be taken within `graceMs`, plus the time its size needs at
 * `bytesPerSecond`. Then the next moment counts.
 *
 * Asked at each sweep of an edge, never per write. It knows totals only, so a reader that stops for a while and catches up is no slow one.
 */
import type { HubConfig } from '@quaymaster/crds';

export interface PaceLimits {
  readonly graceMs: number;
  readonly bytesPerSecond: number;
}

/** Older configurations do not name them. */
const defaults: PaceLimits = { graceMs: 30_000, bytesPerSecond: 16 * 1024 };

export function paceLimits({ limits, timeouts }: Pick<HubConfig, 'limits' | 'timeouts'>): PaceLimits {
  return {
    graceMs: timeouts.slowReaderMs ?? defaults.graceMs,
    bytesPerSecond: limits.readBytesPerSecond ?? defaults.bytesPerSecond,
  };
}

export function paceMs(bytes: number, { graceMs, bytesPerSecond }: PaceLimits): number {
  return graceMs + (bytes / bytesPerSecond) * 1000;
}

export class ReaderPace {
  /** All that had been handed out at the moment that counts. */
  #mark = 0;
  #untilMs = Number.POSITIVE_INFINITY;

  /** `handed`: all bytes handed out so far; `waiting`: those of them that the reader has not taken. */
  isTooSlow(handed: number, waiting: number, nowMs: number, limits: PaceLimits): boolean {
    if (waiting === 0) {
      this.#untilMs = Number.POSITIVE_INFINITY;
      return false;
    }
    if (this.#untilMs !== Number.POSITIVE_INFINITY && handed - waiting < this.#mark) return nowMs >= this.#untilMs;
    this.#mark = handed;
    this.#untilMs = nowMs + paceMs(waiting, limits);
    return false;
  }
}
