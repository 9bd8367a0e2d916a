/**
 * The calls of one conversation that have no answer yet, and answered ones whose stream is still open.
 *
 * One timer serves all of them, and only while there are any: it finds those past their time. Deadlines: `callMs` without progress, `callMaxMs`
 * whatever progress there is; an answered stream gets a moment to end, so that its connection lives on.
 */
import type { Clock } from '../../base/index.ts';
import { LinkedList, type Outcome } from '../../exchange/index.ts';
import type { HttpCall } from './http-call.ts';
import { httpLimits } from './limits.ts';

export interface CallTimes {
  readonly callMs: number;
  readonly callMaxMs: number;
}

export class CallsInFlight {
  readonly #clock: Clock;
  readonly #onDue: (call: HttpCall, ms: number) => void;
  readonly #calls = new LinkedList<HttpCall>();
  readonly #lingering = new Set<HttpCall>();
  /** Settled, but their results still go on to their clients. */
  readonly #passing = new Set<HttpCall>();
  #stopSweep: (() => void) | undefined;

  /** `onDue`: the call has had its time, `ms` in all; it is to be settled. */
  constructor(clock: Clock, onDue: (call: HttpCall, ms: number) => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  get size(): number {
    return this.#calls.size + this.#passing.size;
  }

  add(call: HttpCall, { callMs, callMaxMs }: CallTimes): void {
    call.quietMs = callMs;
    call.dueAt = call.startedAt + callMs;
    call.endsAt = call.startedAt + callMaxMs;
    const { until } = call.lane;
    if (until !== undefined) {
      call.dueAt = Math.min(call.dueAt, until);
      call.endsAt = Math.min(call.endsAt, until);
    }
    this.#calls.add(call);
    this.#stopSweep ??= this.#clock.every(Math.min(250, Math.max(20, callMs / 4)), () => this.#sweep());
  }

  [Symbol.iterator](): Iterator<HttpCall> {
    return this.#calls[Symbol.iterator]();
  }

  /** The call waits for its client: its deadlines stand still. */
  pause(call: HttpCall): void {
    if (call.pausedAt !== undefined) return;
    call.pausedAt = this.#clock.monotonic();
    call.dueAt = Infinity;
  }

  /** The server works again. */
  proceed(call: HttpCall, callMs: number): void {
    if (call.pausedAt === undefined) return;
    const now = this.#clock.monotonic();
    call.endsAt += now - call.pausedAt;
    call.dueAt = now + callMs;
    call.pausedAt = undefined;
  }

  /** The call made progress: it has `callMs` again. */
  touch(call: HttpCall, callMs: number): void {
    if (call.pausedAt === undefined) call.dueAt = this.#clock.monotonic() + callMs;
  }

  /** The first outcome counts; false when there was one already. */
  settle(call: HttpCall, outcome: Outcome | Promise<Outcome>): boolean {
    if (!call.settle(outcome)) return false;
    this.#calls.delete(call);
    if (call.passing !== undefined) this.#passing.add(call);
    else if (!call.over) {
      call.cutAt = this.#clock.monotonic() + httpLimits.lingerMs;
      this.#lingering.add(call);
    }
    return true;
  }

  /** Its answer has ended on the wire. */
  ended(call: HttpCall): void {
    this.#lingering.delete(call);
    this.#passing.delete(call);
  }

  /** Cuts everything. `onCall` settles those without an answer. */
  abandon(reason: string, onCall: (call: HttpCall) => void): void {
    for (const call of this.#calls) {
      onCall(call);
      call.abort(reason);
    }
    for (const call of [...this.#lingering, ...this.#passing]) call.abort(reason);
    this.#lingering.clear();
  }

  /** Bytes are progress, and a reader without room is not the server's fault: its own limit cuts it. */
  #lookAtPassing(call: HttpCall, now: number): void {
    const { passing } = call;
    if (passing === undefined) return;
    if (passing.isOver) {
      // Its stream has a moment to end, so that its connection lives on.
      if (call.cutAt === 0) call.cutAt = now + httpLimits.lingerMs;
      else if (now >= call.cutAt) call.abort('open after its answer');
      return;
    }
    if (passing.standsStill || passing.bytes !== call.passedBytes) {
      call.passedBytes = passing.bytes;
      call.dueAt = now + call.quietMs;
    }
    if (now >= call.dueAt || now >= call.endsAt) call.abort('its answer took too long');
  }

  #sweep(): void {
    if (this.size === 0 && this.#lingering.size === 0) {
      this.#stopSweep?.();
      this.#stopSweep = undefined;
      return;
    }
    const now = this.#clock.monotonic();
    for (const call of this.#calls)
      if (now >= call.dueAt || (now >= call.endsAt && call.pausedAt === undefined))
        this.#onDue(call, Math.round(Math.min(call.dueAt, call.endsAt) - call.startedAt));
    for (const call of this.#passing) this.#lookAtPassing(call, now);
    for (const call of this.#lingering) {
      if (now < call.cutAt) continue;
      this.#lingering.delete(call);
      call.abort('open after its answer');
    }
  }
}
