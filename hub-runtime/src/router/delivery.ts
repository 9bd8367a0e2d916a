/**
 * One call on its way to its server: let in by the server's guard, sent, and sent again where that helps and does no harm (EF-84, HT-1.11).
 *
 * Follows a server through changes of configuration: a call refused by an upstream that a newer configuration has replaced goes to its
 * successor. Sends again only what may be repeated (methods that only read, tools that say so), only failures that may pass, and never once
 * anything of the call has reached its client. A client's own time limit (`_meta["dev.quaymaster/timeoutMs"]`) bounds all attempts together.
 */
import type { Clock } from '../base/index.ts';
import {
  type ErrorOutcome,
  hubError,
  type HubGraph,
  type LaneCall,
  type Outcome,
  type Upstream,
} from '../exchange/index.ts';
import { pause } from '../resilience/index.ts';
import { memberRaw, onlyReads } from '../wire/index.ts';
import type { CallTrace } from './call-record.ts';
import { routerLimits } from './limits.ts';
import { invalidParams } from './refusals.ts';
import { relayedError } from './server-error.ts';

/** In the `_meta` of a request: how long its client waits, milliseconds. */
export const timeoutKey = 'dev.quaymaster/timeoutMs';

export class Delivery {
  readonly #clock: Clock;
  readonly #graph: () => HubGraph;

  constructor(clock: Clock, graph: () => HubGraph) {
    this.#clock = clock;
    this.#graph = graph;
  }

  /** Sends to the upstream of the call's graph, or to whatever has taken its place before anything was executed. */
  async send(call: LaneCall, first: Upstream, trace: CallTrace): Promise<Outcome> {
    const { caller, leg, method, params } = call.exchange;
    const given = params?.meta === undefined ? undefined : memberRaw(params.meta, timeoutKey);
    const ownMs = given === undefined ? undefined : millisecondsOf(given);
    if (ownMs === 'invalid')
      return invalidParams(`params._meta["${timeoutKey}"] must be a whole number of milliseconds from 1`);
    let upstream = isLeaving(first) ? (this.#graph().upstream(first.key) ?? first) : first;
    const mayRepeat = call.repeatable === true || onlyReads(method);
    const perTryMs = mayRepeat ? upstream.guard?.perTryMs : undefined;
    let startedAt: number | undefined;
    let attempt = call;
    if (ownMs !== undefined || perTryMs !== undefined) {
      startedAt = this.#clock.monotonic();
      attempt = { ...call, until: startedAt + Math.min(ownMs ?? Infinity, perTryMs ?? Infinity) };
    }
    for (let moves = 0, tries = 1; ;) {
      trace.upstream = upstream;
      const { guard } = upstream;
      const entered = guard?.enter(attempt);
      const pass = entered instanceof Promise ? await entered : entered;
      let outcome: Outcome;
      if (pass !== undefined && 'kind' in pass) outcome = pass;
      else {
        try {
          outcome = await upstream.lane(caller).send(attempt);
        } catch (error) {
          // Lanes never reject; should one, its place must not be lost for ever.
          if (pass !== undefined) guard?.leave(pass, hubError('QM_INTERNAL'));
          throw error;
        }
        if (pass !== undefined) guard?.leave(pass, outcome);
      }
      if (outcome.kind !== 'error') return outcome;
      const successor = this.#graph().upstream(upstream.key);
      if (outcome.errorCode === 'QM_SERVER_FAILED' && successor !== undefined && successor !== upstream) {
        if (moves++ >= routerLimits.moves || leg.cancellation.cancelled)
          return relayedError(outcome, caller, upstream.key);
        upstream = successor;
        continue;
      }
      if (!mayRepeat || leg.told === true || leg.cancellation.cancelled)
        return relayedError(outcome, caller, upstream.key);
      startedAt ??= trace.startedAt ?? this.#clock.monotonic();
      const again = await this.#beforeRetry(call, upstream, outcome, tries++, { startedAt, ownMs, perTryMs });
      if (again === undefined) return relayedError(outcome, caller, upstream.key);
      if ('kind' in again) return again;
      attempt = again;
    }
  }

  /** The next attempt, once its pause is over; undefined: there is none. */
  async #beforeRetry(
    call: LaneCall,
    upstream: Upstream,
    outcome: ErrorOutcome,
    tries: number,
    times: { readonly startedAt: number; readonly ownMs: number | undefined; readonly perTryMs: number | undefined },
  ): Promise<LaneCall | ErrorOutcome | undefined> {
    const pauseMs = upstream.guard?.pauseBeforeRetry(outcome, tries);
    if (pauseMs === undefined) return undefined;
    const { cancellation } = call.exchange.leg;
    const now = this.#clock.monotonic();
    const end = times.startedAt + Math.min(times.ownMs ?? Infinity, upstream.config.timeouts.callMs);
    if (now + pauseMs >= end) return undefined;
    await pause(pauseMs, this.#clock, cancellation);
    if (cancellation.cancelled) return hubError('QM_CANCELLED');
    const until = Math.min(end, times.perTryMs === undefined ? Infinity : now + pauseMs + times.perTryMs);
    return { ...call, until };
  }
}

function isLeaving({ state }: Upstream): boolean {
  return state.phase === 'Draining' || state.phase === 'Stopped';
}

function millisecondsOf(raw: string): number | 'invalid' {
  return /^[1-9]\d{0,9}$/.test(raw) ? Number(raw) : 'invalid';
}
