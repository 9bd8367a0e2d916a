/**
 * Where one server is in its life: takes what happened, asks `machine.ts` what that means, tells whoever listens, and plans the next attempt.
 * It opens and closes nothing.
 */
import { Announcer } from './announcer.ts';
import { type Machine, type MachineEvent, newMachine, transition } from './machine.ts';
import { RetryTimer } from './retry-timer.ts';
import { Settling } from './settling.ts';
import type { UpstreamDeps } from './upstream-deps.ts';

export interface ServerLifeOptions {
  /** Server key. */
  readonly key: string;
  readonly deps: UpstreamDeps;
  /** The next attempt is due. */
  readonly attempt: () => void;
  /** After each event, before whoever waits for it to settle goes on. */
  readonly moved: (before: Machine, machine: Machine) => void;
}

export class ServerLife {
  readonly announcer: Announcer;
  readonly #options: ServerLifeOptions;
  readonly #settling: Settling;
  readonly #retry: RetryTimer;
  #machine: Machine;

  constructor(options: ServerLifeOptions) {
    const { key, deps, attempt } = options;
    this.#options = options;
    this.announcer = new Announcer(key, deps);
    this.#settling = new Settling(deps.clock);
    this.#retry = new RetryTimer(deps.clock, deps.random, attempt);
    this.#machine = newMachine(deps.clock.now());
  }

  get machine(): Machine {
    return this.#machine;
  }

  /** Takes an event, tells whoever listens, and does what follows from it. */
  happened(event: MachineEvent): void {
    const { deps, moved } = this.#options;
    const before = this.#machine;
    const { machine, todo } = transition(before, event, { wall: deps.clock.now(), steady: deps.clock.monotonic() });
    this.#machine = machine;
    if (machine !== before) this.announcer.moved(before, machine);
    moved(before, machine);
    if (machine.phase === 'Degraded' || machine.phase === 'Ready' || machine.phase === 'Stopped')
      this.#settling.settle();
    this.#retry.obey(todo);
  }

  /** Resolves when it is up, has failed, or the time is over. */
  settled(timeoutMs: number): Promise<void> {
    const { phase } = this.#machine;
    if (phase !== 'Starting' && phase !== 'Pending') return Promise.resolve();
    return this.#settling.wait(timeoutMs);
  }

  /** No further attempt is made by itself. */
  noMoreAttempts(): void {
    this.#retry.cancel();
  }
}
