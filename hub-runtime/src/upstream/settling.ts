/** Whoever waits until a server is up, or down for now. Each wait is bounded by its own time. */
import type { Clock } from '../base/index.ts';

export class Settling {
  readonly #clock: Clock;
  #waiting: (() => void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  wait(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        stopClock();
        this.#waiting = this.#waiting.filter((one) => one !== done);
        resolve();
      };
      const stopClock = this.#clock.after(timeoutMs, done);
      this.#waiting.push(done);
    });
  }

  settle(): void {
    for (const done of this.#waiting) done();
  }
}
