/**
 * The calls of one conversation over HTTP, both eras: sent, watched, answered, given up.
 *
 * Rules: a call settles once; what arrives later is counted and dropped. A cancelled or timed out call is withdrawn at the server in its
 * era's way. A failure before anything was written, or a refusal that proves nothing was executed, goes to another replica, or hands the call
 * back to be sent again once (`resend`); anything else is answered as it is, never repeated, unless the method only reads (EF-31).
 */
import type { Era } from '@quaymaster/crds';

import { serverName } from '../../base/index.ts';
import {
  type Caller,
  type ErrorOutcome,
  hubError,
  type LaneCall,
  type Leg,
  type Outcome,
} from '../../exchange/index.ts';
import { emptyObject, onlyReads, type RawJson, requestRaw, type ScannedMessage } from '../../wire/index.ts';
import { type Answerer, outcomeOf, protocolFault } from '../answer.ts';
import { AskedCall, type AskedHost } from '../asked-call.ts';
import { callParams } from '../call-params.ts';
import type { ConversationEnd } from '../conversation.ts';
import { type CallMessages, readCallMessage } from './call-messages.ts';
import { CallsInFlight } from './calls-in-flight.ts';
import type { CallHeaders, HttpConversationDeps } from './conversation-deps.ts';
import { turnedAway } from './given-reason.ts';
import { type CallHost, HttpCall } from './http-call.ts';
import type { Failure } from './http-request.ts';
import { httpLimits } from './limits.ts';
import { noneReady } from './no-place.ts';
import { type PassingBody, passingOutcome } from './passing-body.ts';
import type { Place } from './place.ts';
import { statusOutcome } from './request-rules.ts';

export abstract class Calling implements CallHost, CallMessages {
  protected readonly deps: HttpConversationDeps;
  protected readonly from: Answerer;
  readonly #calls: CallsInFlight;
  #nextId = 1;
  heard = 0;

  protected constructor(deps: HttpConversationDeps, era: Era) {
    const { key, prefix } = deps.config();
    this.deps = deps;
    this.from = { era, key, prefix };
    this.#calls = new CallsInFlight(deps.clock, (call, ms) => {
      call.place.pace.took(ms, deps.clock.monotonic());
      this.#giveUp(call, hubError('QM_CALL_TIMEOUT', { server: key, ms }), 'timed out');
    });
  }

  /** Era's envelope for `_meta` of the hub's own requests, '' for none. */
  abstract readonly envelope: string;
  /** The same for a caller's. */
  protected abstract envelopeFor(caller: Caller): string;
  /** Set once the conversation is over. */
  protected abstract readonly end: ConversationEnd | undefined;
  /** Resolves when calls may be sent; undefined: now. */
  abstract settling(): Promise<void> | undefined;
  /** Where a call goes. Undefined: no replica is ready. */
  protected abstract placeFor(lane: LaneCall): Place | undefined;
  /** Headers of a call, and the session it goes to. */
  protected abstract headersFor(call: HttpCall): CallHeaders;
  /** The server should stop working on a call nobody waits for. */
  protected abstract withdraw(call: HttpCall, reason: string): void;
  /** An answer with an HTTP error status. `message`: the JSON-RPC response in it, when there was one. */
  protected abstract refused(call: HttpCall, message: ScannedMessage | undefined): void;
  /** A place could not be reached, or turned a call away: true when there is another. */
  abstract turnFrom(place: Place): boolean;
  /** A connection broke there, or an answer did not come. */
  abstract doubt(place: Place): void;
  protected abstract over(reason: string, message: string): void;
  abstract unreachable(reason: string): void;
  abstract unsolicited(message: ScannedMessage, call?: HttpCall): void;
  /** The server logs what some other caller asked for, too. */
  get sharesLogs(): boolean {
    return false;
  }

  /** No call is left. */
  protected abstract idle(): void;

  /** The stream of a call broke before its answer: true when it is taken up again, and the call goes on. */
  protected resumes(_call: HttpCall): boolean {
    return false;
  }

  get inFlight(): number {
    return this.#calls.size;
  }

  nextId(): number {
    return this.#nextId++;
  }

  send(lane: LaneCall): Promise<Outcome> {
    return this.#send(lane, 0);
  }

  #send(lane: LaneCall, tries: number): Promise<Outcome> {
    const settling = this.settling();
    if (settling !== undefined) return settling.then(() => this.#send(lane, tries));
    if (this.end !== undefined)
      return this.deps.request.resend?.(lane) ?? Promise.resolve(this.unavailable(this.end.message));
    const { cancellation } = lane.exchange.leg;
    if (cancellation.cancelled) return Promise.resolve(hubError('QM_CANCELLED'));
    if (this.#calls.size >= httpLimits.inFlight)
      return Promise.resolve(
        hubError('QM_OVERLOADED', {
          limit: httpLimits.inFlight,
          what: `calls in flight to server "${serverName(this.from.key)}"`,
        }),
      );
    const place = this.placeFor(lane);
    if (place === undefined) {
      this.over('NoEndpoints', noneReady);
      return this.#send(lane, tries);
    }
    return new Promise((resolve) => {
      const call = new HttpCall(
        this,
        this.#nextId++,
        lane,
        place,
        tries,
        this.deps.clock.monotonic(),
        this.#mostBytes,
        resolve,
      );
      place.inFlight++;
      this.#calls.add(call, this.deps.config().timeouts);
      this.#follow(call, lane.exchange.leg);
      const params = callParams(call.id, lane, this.envelopeFor(lane.exchange.caller)) ?? emptyObject;
      const body = requestRaw(call.id, lane.exchange.method, params);
      const { lines, headers } = this.headersFor(call);
      place.calls.dispatch({ path: this.deps.endpoint.path, method: 'POST', lines, headers, body }, call);
    });
  }

  /** In flight, without an answer. */
  protected get unanswered(): Iterable<HttpCall> {
    return this.#calls;
  }

  /** The questions of this call. `reply`: how the server gets its answers. */
  protected askedOf(call: HttpCall, reply: (message: RawJson) => void, toldAll: boolean): AskedCall {
    if (call.asked !== undefined) return call.asked;
    const host: AskedHost = {
      exchange: call.lane.exchange,
      reply,
      pause: () => this.#calls.pause(call),
      proceed: () => this.#calls.proceed(call, this.deps.config().timeouts.callMs),
      abandon: (outcome, reason) => this.#giveUp(call, outcome, reason),
      follow: (leg) => this.#follow(call, leg),
    };
    const asked = new AskedCall(
      host,
      call.divert((outcome) => call.asked?.finish(outcome)),
      {
        clock: this.deps.clock,
        from: this.from,
        toldAll,
      },
    );
    call.asked = asked;
    return asked;
  }

  #follow(call: HttpCall, leg: Leg | undefined): void {
    call.stopListening?.();
    call.stopListening = leg?.cancellation.onCancel(() => this.#giveUp(call, hubError('QM_CANCELLED'), 'cancelled'));
  }

  /** Cuts everything; calls without an answer get this one. */
  protected abandon(reason: string): void {
    const gone = hubError('QM_SERVER_GONE', { server: this.from.key, reason });
    this.#calls.abandon(reason, (call) => this.settle(call, gone));
  }

  protected settle(call: HttpCall, outcome: Outcome | Promise<Outcome>): void {
    if (!this.#calls.settle(call, outcome)) return;
    if (this.#calls.size === 0) this.idle();
  }

  /** Sends a call again that was not executed; `otherwise` when it has been sent again before. */
  protected sendAgain(call: HttpCall, otherwise: ErrorOutcome): void {
    const again = call.lane.exchange.leg.cancellation.cancelled ? undefined : this.deps.request.resend?.(call.lane);
    this.settle(call, again ?? otherwise);
  }

  protected statusOutcome(status: number): ErrorOutcome {
    return statusOutcome(status, this.from.key);
  }

  answered(call: HttpCall, message: ScannedMessage): void {
    const success = call.status >= 200 && call.status < 300;
    if (success) this.settle(call, outcomeOf(message, call.lane.exchange.method, this.from));
    else this.#refused(call, message);
  }

  progressed(call: HttpCall): void {
    this.#calls.touch(call, this.deps.config().timeouts.callMs);
  }

  late(): void {
    this.deps.observer.count('lateAnswers', this.from.key);
  }

  get #mostBytes(): number {
    return this.deps.config().limits?.responseBytes ?? httpLimits.responseBytes;
  }

  onLarge(call: HttpCall, source: PassingBody): void {
    this.heard++;
    call.place.passing++;
    this.settle(call, passingOutcome(source, call.idRaw as RawJson, this.from));
  }

  onPassed(call: HttpCall): void {
    call.place.passing--;
    this.#ended(call);
    if (this.#calls.size === 0) this.idle();
  }

  onBody(call: HttpCall, body: RawJson): void {
    this.heard++;
    this.#ended(call);
    if (call.settled) {
      this.late();
      return;
    }
    const success = call.status >= 200 && call.status < 300;
    if (body === '' || (!success && body.charCodeAt(0) !== 123)) {
      if (success) this.settle(call, this.statusOutcome(call.status));
      else this.#refused(call, undefined);
      return;
    }
    readCallMessage(call, body, this);
    if (call.settled) return;
    if (success) this.settle(call, protocolFault(this.from.key, call.fault ?? 'no answer in its response'));
    else this.#refused(call, undefined);
  }

  onEvent(call: HttpCall, data: RawJson): void {
    this.heard++;
    readCallMessage(call, data, this);
  }

  onStreamEnd(call: HttpCall): void {
    this.#ended(call);
    if (call.settled) return;
    if (call.fault !== undefined) {
      this.settle(call, protocolFault(this.from.key, call.fault));
      return;
    }
    if (this.resumes(call)) return;
    this.broken(call, 'its event stream ended before the answer');
  }

  onFailure(call: HttpCall, failure: Failure): void {
    this.#ended(call, failure.kind);
    if (call.settled) return;
    switch (failure.kind) {
      case 'unsent':
        if (this.#sendElsewhere(call)) return;
        this.unreachable(failure.reason);
        this.sendAgain(call, this.unavailable(failure.reason));
        return;
      case 'refused':
        this.settle(call, protocolFault(this.from.key, failure.reason));
        return;
      default:
        if (failure.kind === 'cut' && call.streaming && this.resumes(call)) return;
        this.broken(call, failure.reason);
    }
  }

  /** Whatever the outcome was, nothing more comes for it. */
  #ended(call: HttpCall, failure?: Failure['kind']): void {
    this.#calls.ended(call);
    call.place.inFlight--;
    // How long an answer passes is its reader's doing.
    const untold = failure === 'aborted' || call.asked !== undefined || call.passing !== undefined;
    if (untold || !this.deps.places.several) return;
    const now = this.deps.clock.monotonic();
    const ms = now - call.startedAt;
    // A replica that fails quickly is not a quick one.
    call.place.pace.took(failure !== undefined || call.status >= 500 ? Math.max(ms, failedMs) : ms, now);
  }

  /** Sends a call to another replica that was surely not executed. False when there is none, or it has been tried often enough. */
  #sendElsewhere(call: HttpCall): boolean {
    if (call.tries >= httpLimits.reroutes || !this.turnFrom(call.place)) return false;
    this.settle(call, this.#send(call.lane, call.tries + 1));
    return true;
  }

  #refused(call: HttpCall, message: ScannedMessage | undefined): void {
    if (!call.notExecuted) {
      this.refused(call, message);
      return;
    }
    const { elsewhere, over } = turnedAway(call.status, message);
    if (elsewhere && this.#sendElsewhere(call)) return;
    if (over === undefined) {
      this.refused(call, message);
      return;
    }
    this.over(over.reason, over.message);
    this.sendAgain(call, this.unavailable(over.message));
  }

  /** Nobody knows whether it was executed. */
  protected broken(call: HttpCall, reason: string): void {
    this.doubt(call.place);
    this.deps.request.suspect?.();
    const gone = hubError('QM_SERVER_GONE', { server: this.from.key, reason });
    if (onlyReads(call.lane.exchange.method)) this.sendAgain(call, gone);
    else this.settle(call, gone);
  }

  #giveUp(call: HttpCall, outcome: Outcome, reason: string): void {
    if (call.settled) return;
    const { sent } = call;
    this.settle(call, outcome);
    if (sent) this.withdraw(call, reason);
    else call.abort(reason);
  }

  protected unavailable(reason: string): ErrorOutcome {
    return hubError('QM_SERVER_FAILED', { server: this.from.key, reason });
  }
}

/** What a failed answer counts as, milliseconds, when replicas are compared. */
const failedMs = 1_000;
