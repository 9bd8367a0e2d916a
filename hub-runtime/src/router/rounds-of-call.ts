/**
 * What becomes of a server's questions (2026-07-28 MRTR, and the calls of legacy servers that wait for answers).
 *
 * A client that can be asked while its request waits is asked here, round after round, until there is a result. Every other one gets the round
 * as its answer, with a sealed state, and comes back with another request. Runs only for calls whose server asks; holds nothing itself
 * (`questions/parked-calls.ts` does). Nobody is asked for what it did not declare.
 */
import type { Clock } from '../base/index.ts';
import {
  type Answer,
  Cancellation,
  type ErrorOutcome,
  type Exchange,
  hubError,
  type InputRequiredOutcome,
  lackingCapability,
  type LaneCall,
  type Outcome,
  type Parked,
  type Route,
  type Upstream,
} from '../exchange/index.ts';
import type { Observer } from '../observe/index.ts';
import {
  answersIn,
  type OpenedState,
  type ParkedCalls,
  readRound,
  type RequestStates,
  type Round,
  samplingTokens,
  stateLimits,
  urlRound,
} from '../questions/index.ts';
import {
  decodeText,
  editObject,
  type MemberEdit,
  memberString,
  notificationRaw,
  quoted,
  type RawJson,
  rawOf,
  rpcCode,
  scanObject,
} from '../wire/index.ts';

export interface RoundsDeps {
  readonly clock: Clock;
  readonly observer: Observer;
  readonly states: RequestStates;
  readonly parked: ParkedCalls;
  readonly parkedLimit: () => number;
  /** Ids of URL elicitations toward legacy clients. */
  readonly newId: () => string;
}

/** A call as it was routed. */
export interface RoutedCall {
  readonly exchange: Exchange;
  readonly call: LaneCall;
  readonly route: Route;
  readonly upstream: Upstream;
  /** As the client named it. */
  readonly target: string | undefined;
}

type Send = (call: LaneCall) => Promise<Outcome>;

/** What the requests of one call have used up. */
export interface Spent {
  readonly round: number;
  /** Of the client's model, asked for. */
  readonly tokens: number;
}

const nothingYet: Spent = { round: 0, tokens: 0 };

/** Rounds of one request. */
export const mostRounds = 10;
/** Before a server that only wants to be asked again is, milliseconds; longer each time. */
const pauseMs = 500;

export class RoundsOfCall {
  readonly #deps: RoundsDeps;

  constructor(deps: RoundsDeps) {
    this.#deps = deps;
  }

  /** The outcome for the client. `send` asks the server again; `before`: what earlier requests of the client have had. */
  async settle(outcome: Outcome, routed: RoutedCall, send: Send, before: Spent = nothingYet): Promise<Outcome> {
    const { exchange } = routed;
    if (outcome.kind === 'error' && isUrlRequired(outcome) && exchange.caller.era === 'modern') {
      const result = urlRound(outcome.data);
      if (result === undefined) return { ...outcome, code: rpcCode.internalError };
      return this.#ask({ kind: 'inputRequired', result, server: routed.upstream.config.prefix }, routed, send, before);
    }
    return outcome.kind === 'inputRequired' ? this.#ask(outcome, routed, send, before) : outcome;
  }

  /** Takes a parked call for a client that has come back with answers. */
  take(state: OpenedState): (RoutedCall & { readonly parked: Parked }) | ErrorOutcome {
    return this.#deps.parked.take(state.id) ?? hubError('QM_QUESTION_EXPIRED');
  }

  async #ask(first: InputRequiredOutcome, routed: RoutedCall, send: Send, before: Spent): Promise<Outcome> {
    const { exchange } = routed;
    const { leg, caller } = exchange;
    let outcome: Outcome = first;
    const visited: string[] = [];
    let { tokens } = before;
    for (let round = before.round + 1; outcome.kind === 'inputRequired'; round++) {
      const parked: Parked | undefined = outcome.parked;
      const refused = (error: ErrorOutcome): ErrorOutcome => {
        parked?.giveUp('its questions cannot be answered');
        return error;
      };
      const { key } = routed.upstream;
      const read = readRound(outcome.result, caller.capabilities);
      if (typeof read === 'string') return refused(hubError('QM_UPSTREAM_PROTOCOL', { server: key, reason: read }));
      if (read.missing !== undefined) return refused(lackingCapability(read.missing));
      if (round > mostRounds) return refused(hubError('QM_TOO_MANY_ROUNDS', { server: key, limit: mostRounds }));
      // Of a legacy server they are counted question by question, where it asks.
      if (parked === undefined) tokens += read.tokens;
      const limit = samplingTokens(exchange);
      if (tokens > limit) return refused(hubError('QM_SAMPLING_BUDGET', { server: key, limit }));
      if (leg.ask === undefined) return this.#handOut(outcome, read, routed, { round, tokens });
      const answers = await this.#askLive(read, exchange, key, visited, round);
      if (!(answers instanceof Map)) return refused(answers);
      if (leg.cancellation.cancelled) return refused(hubError('QM_CANCELLED'));
      outcome =
        parked === undefined
          ? await send(withAnswers(routed.call, answers, read.state))
          : await parked.resume(leg, answers);
    }
    if (outcome.kind === 'result')
      for (const id of visited)
        leg.notify(notificationRaw('notifications/elicitation/complete', rawOf({ elicitationId: id })));
    return outcome;
  }

  /** The round as the answer, with a state that leads back. */
  #handOut(outcome: InputRequiredOutcome, read: Round, routed: RoutedCall, { round, tokens }: Spent): Outcome {
    const { states, parked, observer, parkedLimit } = this.#deps;
    const { exchange } = routed;
    const { key } = routed.upstream;
    let state: RawJson | undefined;
    if (outcome.parked !== undefined) {
      const id = parked.add({ ...routed, parked: outcome.parked, principal: exchange.caller.principal.id });
      if (id === undefined) {
        outcome.parked.giveUp('too many calls wait for answers');
        observer.count('limitRejections', 'parkedCalls');
        return hubError('QM_OVERLOADED', { limit: parkedLimit(), what: 'calls that wait for answers' });
      }
      state = states.seal(exchange, key, round, { parked: id });
    } else if (read.state !== undefined) {
      // Nothing else binds a round of a modern server to its caller: one without a state passes as it is.
      if (read.state.length > stateLimits.serverState)
        return hubError('QM_UPSTREAM_PROTOCOL', { server: key, reason: 'its requestState is too large' });
      state = states.seal(exchange, key, round, { state: read.state, tokens });
    } else if (routed.upstream.listing?.era !== 'modern') state = states.seal(exchange, key, round, {});
    if (state === undefined) return outcome;
    const result = scanObject(editObject(outcome.result, [['requestState', state]]), unbounded);
    return result === undefined ? hubError('QM_INTERNAL') : { kind: 'inputRequired', result, server: outcome.server };
  }

  async #askLive(
    read: Round,
    { leg }: Exchange,
    server: string,
    visited: string[],
    round: number,
  ): Promise<Map<string, RawJson> | ErrorOutcome> {
    const cancellation = new Cancellation();
    const stop = leg.cancellation.onCancel(() => cancellation.cancel('its call was cancelled'));
    if (read.questions.length === 0) await this.#pause(pauseMs * round, leg.cancellation);
    const asked = await Promise.all(
      read.questions.map(async (one) => {
        const params = this.#forLegacy(one.method, one.params, visited);
        const answer = await leg.ask?.({ method: one.method, params, cancellation });
        return { ...one, answer };
      }),
    );
    stop();
    const answers = new Map<string, RawJson>();
    for (const { key, method, answer } of asked) {
      const result = answer === undefined ? undefined : resultOf(answer, method);
      if (result === undefined) return hubError('QM_QUESTION_UNANSWERED', { server, reason: wordsOf(answer) });
      answers.set(key, result);
    }
    return answers;
  }

  /** Clients of 2025-11-25 know a URL elicitation by its id. */
  #forLegacy(method: string, params: RawJson, visited: string[]): RawJson {
    const scanned = method === 'elicitation/create' ? scanObject(params, unbounded) : undefined;
    if (scanned === undefined || memberString(scanned, 'mode') !== 'url') return params;
    const known = memberString(scanned, 'elicitationId');
    if (known !== undefined) return params;
    const id = this.#deps.newId();
    visited.push(id);
    return editObject(scanned, [['elicitationId', quoted(id)]]);
  }

  #pause(ms: number, cancellation: Cancellation): Promise<void> {
    return new Promise((resolve) => {
      const stopClock = this.#deps.clock.after(ms, resolve);
      cancellation.onCancel(() => {
        stopClock();
        resolve();
      });
    });
  }
}

const unbounded = { depth: 4_096, nodes: Number.MAX_SAFE_INTEGER } as const;

function isUrlRequired(outcome: ErrorOutcome): boolean {
  return outcome.origin === 'server' && outcome.code === rpcCode.legacyUrlElicitationRequired;
}

function withAnswers(call: LaneCall, answers: ReadonlyMap<string, RawJson>, state: RawJson | undefined): LaneCall {
  const parts = [...answers].map(([key, answer]) => `${quoted(key)}:${answer}`);
  const edits: MemberEdit[] = [...call.edits, ['inputResponses', `{${parts.join(',')}}` as RawJson]];
  if (state !== undefined) edits.push(['requestState', state]);
  return { ...call, edits };
}

/** A form that its client would not show is a form that was dismissed; for the other questions there is no such answer. */
function resultOf(answer: Answer, method: string): RawJson | undefined {
  if (answer.kind === 'result') return answer.result;
  return method === 'elicitation/create' ? ('{"action":"cancel"}' as RawJson) : undefined;
}

function wordsOf(answer: Answer | undefined): string {
  const message = answer?.kind === 'error' ? memberString(scanObject(answer.error), 'message') : undefined;
  if (message === undefined) return 'no reason given';
  return decodeText(message).slice(0, 200);
}

/** The request of a client that has come back, with what its server expects; undefined: it is asked as if it were new. */
export function answeredEdits({ kind, state }: OpenedState): readonly MemberEdit[] {
  return kind === 'server' && state !== undefined ? [['requestState', state]] : [];
}

/** The answers of a request; a string: what is wrong with them. */
export function answersOf(exchange: Exchange): ReadonlyMap<string, RawJson> | string {
  return (
    answersIn(exchange.params) ?? 'params.inputResponses must be an object of results, by the keys of inputRequests'
  );
}
