/**
 * Merges bursts of changes: the first runs at once, what follows within the window runs once at its end.
 *
 * Without it twenty servers that start together would make twenty catalogs and as many list changes, and one server that announces
 * changes without end would keep the hub busy with nothing else. Under a lasting storm the window doubles up to a second, and it is
 * never shorter than five times what the work itself took. A quiet window resets it.
 */
import type { Clock } from '../base/index.ts';

const windowMs = 50;
const longestWindowMs = 1_000;
/** Windows of normal length before they grow: a hub whose servers start one after the other is not a storm. */
const patience = 6;
const workShare = 5;

export class ChangeGate {
  readonly #clock: Clock;
  readonly #work: () => void;
  #dirty = false;
  #busyWindows = 0;
  #lastWorkMs = 0;
  #stopTimer: (() => void) | undefined;

  constructor(clock: Clock, work: () => void) {
    this.#clock = clock;
    this.#work = work;
  }

  /** Something changed. */
  poke(): void {
    if (this.#stopTimer !== undefined) {
      this.#dirty = true;
      return;
    }
    this.#run();
    this.#open();
  }

  /** Whatever waits is done now. */
  flush(): void {
    if (this.#dirty) this.#run();
  }

  close(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    this.#dirty = false;
  }

  #run(): void {
    this.#dirty = false;
    const started = this.#clock.monotonic();
    this.#work();
    this.#lastWorkMs = this.#clock.monotonic() - started;
  }

  #open(): void {
    const growth = 2 ** Math.max(0, this.#busyWindows - patience);
    const wait = Math.min(longestWindowMs, Math.max(windowMs * growth, this.#lastWorkMs * workShare));
    this.#stopTimer = this.#clock.after(wait, () => {
      this.#stopTimer = undefined;
      if (!this.#dirty) {
        this.#busyWindows = 0;
        return;
      }
      this.#busyWindows = Math.min(this.#busyWindows + 1, 16);
      this.#run();
      this.#open();
    });
  }
}
