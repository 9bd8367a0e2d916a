/** Does what the machine asks for: runs the next attempt now, or after a pause with jitter. At most one is ever planned. */
import { backoffDelay, type Clock, type Random } from '../base/index.ts';
import type { Todo } from './machine.ts';

export class RetryTimer {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #run: () => void;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, random: Random, run: () => void) {
    this.#clock = clock;
    this.#random = random;
    this.#run = run;
  }

  obey(todo: Todo): void {
    if (todo.kind === 'nothing') return;
    this.cancel();
    if (todo.kind === 'connect') {
      this.#run();
      return;
    }
    this.#cancel = this.#clock.after(backoffDelay(todo.attempt, todo.backoff, this.#random), () => {
      this.#cancel = undefined;
      this.#run();
    });
  }

  cancel(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
