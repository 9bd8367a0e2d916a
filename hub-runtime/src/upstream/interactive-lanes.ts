/**
 * Calls to a server that everybody shares, that asks its clients, and that does not say during which call (a child on stdio).
 *
 * Callers who can answer get conversations of their own as long as there may be more of them: one per session; of callers without a session one
 * per call, so that each has a single call under way. Beyond that their calls go to the shared one, one at a time and alone. Callers who can
 * answer nothing share it as before. Runs only once the server has been seen asking.
 */
import type { Clock } from '../base/index.ts';
import { type Caller, hubError, type LaneCall, type Outcome } from '../exchange/index.ts';
import { emptyObject, mayAsk, relayedCapabilities } from '../wire/index.ts';
import { CallGate } from './call-gate.ts';
import { type ClientLanes, keyOf } from './client-lanes.ts';

export interface InteractiveLanesOptions {
  readonly clock: Clock;
  /** Server key. */
  readonly server: string;
  readonly clients: ClientLanes;
  /** How many conversations beside the shared one there may be. */
  readonly max: () => number;
  /** Longest wait for the shared one, milliseconds. */
  readonly waitMs: () => number;
  readonly shared: (call: LaneCall) => Promise<Outcome>;
}

export class InteractiveLanes {
  readonly #options: InteractiveLanesOptions;
  readonly #gate: CallGate;

  constructor(options: InteractiveLanesOptions) {
    this.#options = options;
    this.#gate = new CallGate(options.clock);
  }

  send(caller: Caller, call: LaneCall): Promise<Outcome> {
    const { clients, shared } = this.#options;
    // What cannot lead to a question disturbs nobody.
    if (!mayAsk(call.exchange.method)) return shared(call);
    if (!canAnswer(caller)) return this.#through(call, false);
    const key = this.#keyFor(caller);
    return key === undefined ? this.#through(call, true) : clients.send(caller, call, key);
  }

  /** Of a caller without a session: a conversation that this call has for itself. Undefined: it needs none, or all of them are taken. */
  apartFor(caller: Caller, call: LaneCall): string | undefined {
    return mayAsk(call.exchange.method) && canAnswer(caller) ? this.#slotFor(caller) : undefined;
  }

  /** Undefined: all of them are taken. */
  #keyFor(caller: Caller): string | undefined {
    if (caller.session === undefined) return this.#slotFor(caller);
    const own = keyOf(caller);
    return this.#options.clients.hasRoomFor(own) ? own : undefined;
  }

  #slotFor(caller: Caller): string | undefined {
    const { clients, max } = this.#options;
    const own = keyOf(caller);
    for (let slot = 1; slot <= max(); slot++) {
      const key = `${own} #${slot}`;
      if (clients.inFlightOf(key) === 0 && clients.hasRoomFor(key)) return key;
    }
    return undefined;
  }

  async #through(call: LaneCall, alone: boolean): Promise<Outcome> {
    const { server, shared, waitMs } = this.#options;
    const { cancellation } = call.exchange.leg;
    const leave = await this.#gate.enter(alone, waitMs(), cancellation);
    if (cancellation.cancelled) {
      leave?.();
      return hubError('QM_CANCELLED');
    }
    if (leave === undefined)
      return hubError('QM_OVERLOADED', { limit: 1, what: `interactive calls of server "${server}" at once` });
    const outcome = await shared(call);
    if (outcome.kind === 'inputRequired' && outcome.parked !== undefined) outcome.parked.onEnd(leave);
    else leave();
    return outcome;
  }
}

function canAnswer({ capabilities }: Caller): boolean {
  return relayedCapabilities(capabilities) !== emptyObject;
}
