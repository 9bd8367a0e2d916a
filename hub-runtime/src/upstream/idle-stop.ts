/**
 * Ends a server nobody calls (`lifecycle.start: onDemand`, HT-0.09): looks now and then whether it has been called since, and says so when it
 * has not been for the whole idle time. One timer while the server is up, nothing per call.
 */
import type { Clock } from '../base/index.ts';

export interface IdleStopOptions {
  readonly clock: Clock;
  /** Undefined: it is never stopped for being idle. */
  readonly idleMs: () => number | undefined;
  /** Rises with every call. */
  readonly calls: () => number;
  /** Something is under way, or wanted although nobody calls. */
  readonly isBusy: () => boolean;
  readonly onIdle: () => void;
}

export class IdleStop {
  readonly #options: IdleStopOptions;
  #stopTimer: (() => void) | undefined;
  #calls = 0;
  #since = 0;

  constructor(options: IdleStopOptions) {
    this.#options = options;
  }

  /** The server is up. */
  begin(): void {
    const { clock, idleMs } = this.#options;
    this.end();
    const ms = idleMs();
    if (ms === undefined) return;
    this.#seen();
    this.#stopTimer = clock.every(Math.max(20, Math.min(15_000, ms / 4)), () => this.#look());
  }

  end(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }

  #seen(): void {
    this.#calls = this.#options.calls();
    this.#since = this.#options.clock.monotonic();
  }

  #look(): void {
    const { clock, idleMs, calls, isBusy, onIdle } = this.#options;
    if (isBusy() || calls() !== this.#calls) {
      this.#seen();
      return;
    }
    const ms = idleMs();
    if (ms === undefined || clock.monotonic() - this.#since < ms) return;
    this.end();
    onIdle();
  }
}
