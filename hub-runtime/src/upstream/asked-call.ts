/**
 * A call during which its legacy server asks the client: one per call, made at the first question, never for calls without.
 *
 * A client that can be asked while its request waits (legacy) is asked at once, each question by itself. One that cannot (modern) gets all
 * questions of a round as the outcome of its request: they are gathered for a moment, the call stays open at the server, and goes on when
 * the client comes back with answers (`Parked`). While any question is open the call's deadlines stand still; how long a client may think is
 * bounded by whoever asks it (legacy) or holds the parked call (modern).
 */
import type { Clock } from '../base/index.ts';
import {
  Cancellation,
  hubError,
  type InputRequiredOutcome,
  type LaneExchange,
  lackingCapability,
  type Leg,
  type Outcome,
  type Parked,
} from '../exchange/index.ts';
import {
  editObject,
  emptyObject,
  errorRaw,
  memberString,
  missingCapability,
  objectRaw,
  quoted,
  type RawJson,
  resultRaw,
  rpcCode,
  type ScannedMessage,
  type ScannedObject,
  scanObject,
  tokensWanted,
  upstreamMeta,
} from '../wire/index.ts';
import { samplingTokens } from '../questions/index.ts';
import type { Answerer } from './answer.ts';

export const askLimits = {
  /** A round is complete when the server has been silent for this long, or at the latest after `gatherMs`, milliseconds. */
  quietMs: 20,
  gatherMs: 100,
  /** Open questions of one call. */
  open: 32,
  /** Rounds of one call. */
  rounds: 10,
} as const;

/** What the transport does for the call. */
export interface AskedHost {
  /** Its leg is replaced when the client comes back. */
  readonly exchange: LaneExchange;
  /** A response for the server. */
  reply(message: RawJson): void;
  /** Deadlines stand still, or run again. */
  pause(): void;
  proceed(): void;
  /** Ends the call with this outcome; the server is told to stop. */
  abandon(outcome: Outcome, reason: string): void;
  /** The call ends when this leg is cancelled; undefined: nobody waits for it now. */
  follow(leg: Leg | undefined): void;
}

export interface AskedOptions {
  readonly clock: Clock;
  readonly from: Answerer;
  /** The server was told that its client can do everything: a question to one that cannot ends the call. */
  readonly toldAll: boolean;
}

interface Asked {
  readonly key: string;
  readonly id: RawJson;
  readonly method: string;
  readonly params: RawJson;
  readonly cancellation: Cancellation;
}

export class AskedCall implements Parked {
  rounds = 0;
  readonly #host: AskedHost;
  readonly #options: AskedOptions;
  /** Unanswered, by key. */
  readonly #open = new Map<string, Asked>();
  /** The client request that waits; undefined between two of them. */
  #waiter: ((outcome: Outcome | Promise<Outcome>) => void) | undefined;
  #final: Outcome | Promise<Outcome> | undefined;
  readonly #ends: (() => void)[] = [];
  #lastKey = 0;
  /** Of the client's model, asked for. */
  #tokens = 0;
  #stopGathering: (() => void) | undefined;
  #gatherUntil = 0;

  /** `resolve`: of the request that the call began with. */
  constructor(host: AskedHost, resolve: (outcome: Outcome | Promise<Outcome>) => void, options: AskedOptions) {
    this.#host = host;
    this.#waiter = resolve;
    this.#options = options;
  }

  get isOver(): boolean {
    return this.#final !== undefined;
  }

  ask(id: RawJson, { method, params }: ScannedMessage): void {
    const { exchange } = this.#host;
    const { leg, caller } = exchange;
    const refused = (why: string): void => this.#host.reply(errorRaw(id, rpcCode.methodNotFound, why));
    if (this.#final !== undefined) return refused('the call it belongs to has ended');
    const missing = missingCapability(caller.capabilities, method, params);
    if (missing !== undefined) {
      refused(`this client did not declare what ${method} needs`);
      if (this.#options.toldAll) this.#host.abandon(lackingCapability(missing), 'its client cannot be asked');
      return;
    }
    if (this.#open.size >= askLimits.open) return refused(`more than ${askLimits.open} open questions`);
    this.#tokens += tokensWanted(method, params);
    const most = samplingTokens(exchange);
    if (this.#tokens > most) return refused(`the requests to sample of this call ask for more than ${most} tokens`);
    const isLive = leg.ask !== undefined;
    const own = { key: `q${++this.#lastKey}`, id, method, params: questionParams(params, isLive) };
    const question: Asked = { ...own, cancellation: new Cancellation() };
    if (this.#open.size === 0) this.#host.pause();
    this.#open.set(question.key, question);
    if (isLive) void this.#askLive(question, leg);
    else if (this.#waiter !== undefined) this.#gather();
  }

  /** The server takes a question back. False: it is not one of these. */
  withdrawn(id: RawJson): boolean {
    for (const question of this.#open.values()) {
      if (question.id !== id) continue;
      this.#close(question);
      question.cancellation.cancel('withdrawn');
      return true;
    }
    return false;
  }

  /** The call's own end. */
  finish(outcome: Outcome | Promise<Outcome>): void {
    this.#stopGathering?.();
    this.#final = outcome;
    for (const { cancellation } of this.#open.values()) cancellation.cancel('its call ended');
    this.#open.clear();
    this.#waiter?.(outcome);
    this.#waiter = undefined;
    for (const listener of this.#ends.splice(0)) listener();
  }

  resume(leg: Leg, answers: ReadonlyMap<string, RawJson>): Promise<Outcome> {
    if (this.#final !== undefined) return Promise.resolve(this.#final);
    this.#host.exchange.leg = leg;
    return new Promise((resolve) => {
      this.#waiter = resolve;
      this.#host.follow(leg);
      for (const [key, result] of answers) {
        const question = this.#open.get(key);
        if (question === undefined) continue;
        this.#close(question);
        this.#host.reply(resultRaw(question.id, result));
      }
      // What was not answered, or asked meanwhile.
      if (this.#open.size > 0 && this.#final === undefined) this.#gather();
    });
  }

  onEnd(listener: () => void): void {
    if (this.#final === undefined) this.#ends.push(listener);
    else listener();
  }

  giveUp(reason: string): void {
    if (this.#final === undefined) this.#host.abandon(hubError('QM_CANCELLED'), reason);
  }

  async #askLive(question: Asked, leg: Leg): Promise<void> {
    const { method, params, cancellation, id } = question;
    const answer = await leg.ask?.({ method, params, cancellation });
    if (answer === undefined || !this.#close(question)) return;
    if (answer.kind === 'result') this.#host.reply(resultRaw(id, answer.result));
    else this.#host.reply(`{"jsonrpc":"2.0","id":${id},"error":${answer.error}}` as RawJson);
  }

  #close(question: Asked): boolean {
    if (!this.#open.delete(question.key)) return false;
    if (this.#open.size === 0) {
      this.#stopGathering?.();
      this.#stopGathering = undefined;
      this.#host.proceed();
    }
    return true;
  }

  #gather(): void {
    const { clock } = this.#options;
    const now = clock.monotonic();
    if (this.#stopGathering === undefined) this.#gatherUntil = now + askLimits.gatherMs;
    else this.#stopGathering();
    const pause = Math.max(0, Math.min(askLimits.quietMs, this.#gatherUntil - now));
    this.#stopGathering = clock.after(pause, () => {
      this.#stopGathering = undefined;
      this.#roundIsComplete();
    });
  }

  #roundIsComplete(): void {
    const waiter = this.#waiter;
    if (waiter === undefined || this.#open.size === 0) return;
    if (this.rounds >= askLimits.rounds) {
      this.#host.abandon(
        hubError('QM_TOO_MANY_ROUNDS', { server: this.#options.from.key, limit: askLimits.rounds }),
        'it asks too often',
      );
      return;
    }
    this.rounds++;
    this.#waiter = undefined;
    this.#host.follow(undefined);
    waiter(this.#round());
  }

  #round(): InputRequiredOutcome {
    const parts: string[] = [];
    for (const { key, method, params } of this.#open.values())
      parts.push(`${quoted(key)}:{"method":${quoted(method)},"params":${params}}`);
    const raw = `{"resultType":"input_required","inputRequests":{${parts.join(',')}}}` as RawJson;
    const result = scanObject(raw, { depth: 4_096, nodes: Number.MAX_SAFE_INTEGER });
    if (result === undefined) throw new Error('a round of questions is no JSON');
    return { kind: 'inputRequired', result, server: this.#options.from.prefix, parked: this };
  }
}

/**
 * Without what belongs to the hop. Always an object: go-sdk clients end on a question without params. An `elicitationId` means nothing to a modern
 * client.
 */
function questionParams(params: ScannedObject | undefined, isLive: boolean): RawJson {
  if (params === undefined) return emptyObject;
  const dropsId = !isLive && memberString(params, 'mode') === 'url';
  const drops = dropsId ? ['elicitationId'] : [];
  if (params.meta === undefined) return drops.length === 0 ? objectRaw(params) : editObject(params, [], drops);
  const meta = upstreamMeta(params.meta, '', undefined);
  return meta === undefined
    ? editObject(params, [], [...drops, '_meta'])
    : editObject(params, [['_meta', meta]], drops);
}
