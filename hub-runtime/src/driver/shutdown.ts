/**
 * The end of a run, in stages: what is opened says in which stage it closes, whatever the order of opening was.
 *
 * A step that fails is logged and does not keep the next ones from running. Idempotent; everybody waits for the one end.
 */
import type { Logger } from '../base/index.ts';

/** First to last: nothing new comes in, calls finish, servers end, then what they leaned on. Health and control tell the truth until late. */
const stages = ['intake', 'listener', 'servers', 'connections', 'children', 'observation', 'files'] as const;
export type ShutdownStage = (typeof stages)[number];
type Step = () => Promise<void> | void;

export class Shutdown {
  readonly #steps = new Map<ShutdownStage, Step[]>(stages.map((stage) => [stage, []]));
  readonly #log: Logger;
  readonly #ended = Promise.withResolvers<void>();
  #running = false;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** True from the first call of `run` on. */
  get begun(): boolean {
    return this.#running;
  }

  /** Resolves when everything has ended. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  add(stage: ShutdownStage, step: Step): void {
    this.#steps.get(stage)?.push(step);
  }

  run(): Promise<void> {
    if (!this.#running) {
      this.#running = true;
      void this.#all();
    }
    return this.#ended.promise;
  }

  async #all(): Promise<void> {
    for (const stage of stages) {
      const steps = this.#steps.get(stage) ?? [];
      const results = await Promise.allSettled(steps.map(async (step) => step()));
      for (const result of results)
        if (result.status === 'rejected')
          this.#log.error({ err: result.reason as unknown, stage }, 'a step of the shutdown failed');
    }
    this.#ended.resolve();
  }
}
