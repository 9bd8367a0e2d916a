/**
 * Calls that wait for a server to come up: first come, first served, each for a bounded time, bounded in number.
 *
 * One timer serves all of them. A cancelled call leaves at once. Whoever is let go is told what to do by the owner.
 */
import { type Clock, serverName } from '../base/index.ts';
import { hubError, type LaneCall, type Outcome } from '../exchange/index.ts';

/** Calls of one server that may wait at once. */
export const maxWaitingCalls = 1_000;

interface Waiting {
  readonly call: LaneCall;
  readonly send: (call: LaneCall) => Promise<Outcome>;
  readonly until: number;
  readonly resolve: (outcome: Outcome | Promise<Outcome>) => void;
  forget: () => void;
}

export class WaitingCalls {
  readonly #clock: Clock;
  readonly #server: string;
  readonly #why: () => string;
  readonly #waiting = new Set<Waiting>();
  #stopTimer: (() => void) | undefined;

  /** `why`: what is said to a call whose time is over. */
  constructor(clock: Clock, server: string, why: () => string = () => 'it is still starting') {
    this.#clock = clock;
    this.#why = why;
    this.#server = server;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Resolves with what `send` brings once the server is there, or with an error when the time is over. */
  add(call: LaneCall, waitMs: number, send: (call: LaneCall) => Promise<Outcome>): Promise<Outcome> {
    if (this.#waiting.size >= maxWaitingCalls)
      return Promise.resolve(
        hubError('QM_OVERLOADED', {
          limit: maxWaitingCalls,
          what: `calls waiting for server "${serverName(this.#server)}"`,
        }),
      );
    return new Promise((resolve) => {
      const one: Waiting = { call, send, until: this.#clock.monotonic() + waitMs, resolve, forget: () => {} };
      this.#waiting.add(one);
      one.forget = call.exchange.leg.cancellation.onCancel(() => this.#let(one, hubError('QM_CANCELLED')));
      this.#stopTimer ??= this.#clock.every(Math.min(250, Math.max(20, waitMs / 4)), () => this.#expire());
    });
  }

  /** The server is there: all of them go, in the order they came. */
  release(): void {
    for (const one of this.#waiting) this.#let(one, one.send(one.call));
  }

  /** It will not come for now. */
  fail(reason: string): void {
    for (const one of this.#waiting) this.#let(one, hubError('QM_SERVER_FAILED', { server: this.#server, reason }));
  }

  #expire(): void {
    const now = this.#clock.monotonic();
    for (const one of this.#waiting) {
      if (now < one.until) continue;
      this.#let(one, hubError('QM_SERVER_FAILED', { server: this.#server, reason: this.#why() }));
    }
  }

  #let(one: Waiting, outcome: Outcome | Promise<Outcome>): void {
    if (!this.#waiting.delete(one)) return;
    one.forget();
    one.resolve(outcome);
    if (this.#waiting.size > 0) return;
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }
}
