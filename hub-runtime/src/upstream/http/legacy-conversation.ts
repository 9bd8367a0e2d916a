/**
 * Conversation with a server of 2025-11-25 or older: one session at a time, at one replica.
 *
 * Cancelling is a notification; the answer's stream is then only given a moment to end. A session is opened anew, once for all callers, when
 * the server has forgotten it (a 404: nothing was executed, so the call goes back, EF-31) and when its replica takes nothing new: then calls
 * in it finish where they are, and the next ones go to the new one. A primary conversation moves at once, since it listens; one of a single
 * client with its next call.
 */
import type { ErrorOutcome, LaneCall, Outcome } from '../../exchange/index.ts';
import {
  emptyObject,
  isQuestion,
  mayAsk,
  memberRaw,
  notificationRaw,
  type RawJson,
  rawOf,
  relayedCapabilities,
  rpcCode,
  type ScannedMessage,
} from '../../wire/index.ts';
import { errorOutcome, rpcFailure } from '../answer.ts';
import { ConnectError } from '../conversation.ts';
import { answerUnattributed, readsMissingRoots, soleAsker } from '../unattributed.ts';
import { answersHeader, callerHeader } from './bridge-headers.ts';
import type { HttpCall } from './http-call.ts';
import type { CallHeaders, HttpConversationDeps } from './conversation-deps.ts';
import { HttpConversation } from './http-conversation.ts';
import { type LegacyHandshake, LegacySession, type LegacySessionDeps } from './legacy-session.ts';
import { httpLimits } from './limits.ts';
import { noPlace, takesNothingNew } from './no-place.ts';
import type { Place } from './place.ts';
import { isUnknown, unknownTo } from './request-rules.ts';
import { ResumedAnswer } from './resumed-answer.ts';

export interface LegacyOptions {
  /** Of every request. */
  readonly base: readonly string[];
  /** Where a session is opened. Undefined: no replica is ready. */
  readonly choose: () => Place | undefined;
  /** Opens a session there. Rejects with ConnectError. */
  readonly initialize: (place: Place) => Promise<LegacyHandshake>;
  /** Capabilities the server was told. */
  readonly declared: RawJson;
}

export class LegacyConversation extends HttpConversation {
  readonly era = 'legacy';
  readonly envelope = '';
  readonly #options: LegacyOptions;
  readonly #sessionDeps: LegacySessionDeps;
  #session: LegacySession;
  #recovering: Promise<void> | undefined;
  /** Resources it tells of. */
  readonly #watched = new Set<string>();

  constructor(deps: HttpConversationDeps, place: Place, handshake: LegacyHandshake, options: LegacyOptions) {
    super(deps, handshake, 'legacy');
    this.#options = options;
    const { endpoint, clock, random } = deps;
    this.#sessionDeps = { path: endpoint.path, clock, random, base: options.base };
    this.#session = new LegacySession(this.#sessionDeps, place, handshake);
  }

  settling(): Promise<void> | undefined {
    if (this.#session.place.state !== 'ready') this.#reopen(takesNothingNew);
    return this.#recovering;
  }

  /** A server learns the level that is wanted before the first call that wants it; of several callers' levels the most talkative one. */
  override send(lane: LaneCall): Promise<Outcome> {
    const { logLevel } = lane.exchange.leg;
    if (logLevel === undefined || !this.#takesLogLevel) return super.send(lane);
    const settling = this.settling();
    if (settling !== undefined) return settling.then(() => this.send(lane));
    const telling = this.#session.logLevel.ensure(logLevel, this.#tellLevel);
    return telling === undefined ? super.send(lane) : telling.then(() => super.send(lane));
  }

  setLogLevel(level: string): void {
    const isOfOne = this.deps.request.caller?.session !== undefined;
    if (isOfOne && this.#takesLogLevel) this.#session.logLevel.exactly(level, this.#tellLevel);
  }

  readonly #tellLevel = (level: string): Promise<unknown> =>
    this.request('logging/setLevel', rawOf({ level }), httpLimits.courtesyMs);

  get #takesLogLevel(): boolean {
    return memberRaw(this.capabilities, 'logging') !== undefined;
  }

  override get sharesLogs(): boolean {
    return this.deps.request.purpose === 'primary' && this.#session.logLevel.wasTold;
  }

  /** Tells the server the handshake is done, and listens. */
  async opened(): Promise<void> {
    const session = this.#session;
    await session.post(notificationRaw('notifications/initialized', '{}' as RawJson));
    if (!this.#listens || session !== this.#session) return;
    await session.listen({
      onMessage: (message) => {
        if (message.kind === 'request') this.#askedBeside(message, session);
        else if (message.method === 'notifications/cancelled') this.#takesBack(memberRaw(message.params, 'requestId'));
        else this.unsolicited(message);
      },
      onGap: () => {
        this.missedChanges();
        for (const uri of this.#watched) this.resourceUpdated(uri);
      },
      onLost: () => {
        if (session === this.#session) this.#reopen('the server forgot the session');
      },
      onUnreachable: (reason) => {
        if (!this.turnFrom(session.place)) this.unreachable(reason);
        return false;
      },
    });
  }

  /** What is said on the session's own stream concerns the lists, or asks: one client's conversation listens only where it can be asked. */
  get #listens(): boolean {
    return this.deps.request.purpose === 'primary' || this.#options.declared !== emptyObject;
  }

  protected override envelopeFor(): string {
    return '';
  }

  ownPlace(): Place | undefined {
    return this.isOver ? undefined : this.#session.place;
  }

  ownHeaders(): string[] {
    return this.#session.headers;
  }

  /**
   * The state of a session is worth more than a quick answer: it stays, until the health check says that its replica is dead. Only new ones are
   * opened elsewhere.
   */
  doubt(place: Place): void {
    this.deps.places.avoid(place);
  }

  async watchResource(uri: string): Promise<ErrorOutcome | undefined> {
    this.#watched.add(uri);
    const outcome = await this.request('resources/subscribe', uriParams(uri), httpLimits.watchMs);
    if (outcome.kind !== 'error') return undefined;
    this.#watched.delete(uri);
    return outcome;
  }

  unwatchResource(uri: string): void {
    if (this.#watched.delete(uri)) void this.request('resources/unsubscribe', uriParams(uri), httpLimits.watchMs);
  }

  /** The new session knows of no subscription, and what changed meanwhile was told to nobody. */
  #watchAgain(): void {
    for (const uri of this.#watched) {
      void this.request('resources/subscribe', uriParams(uri), httpLimits.watchMs);
      this.resourceUpdated(uri);
    }
  }

  notify(name: string, params: RawJson): void {
    if (this.#session.place.state === 'ready') void this.#session.post(notificationRaw(name, params));
  }

  recover(status: number, message: ScannedMessage | undefined): Promise<void> | undefined {
    const failure = message?.error === undefined ? undefined : rpcFailure(message.error);
    if (!sessionIsLost(status, this.#session.id, failure)) return undefined;
    this.#reopen('the server forgot the session');
    return this.#recovering;
  }

  protected override placeFor(): Place | undefined {
    return this.#session.place;
  }

  protected override headersFor(call: HttpCall): CallHeaders {
    call.session = this.#session;
    const { lines } = this.#session;
    const { callers, request } = this.deps;
    if (callers === undefined || request.purpose === 'client') return { lines, headers: [] };
    // One session for all: the bridge learns for whom each call is, and keeps those apart that its child may ask.
    const { caller } = call.lane.exchange;
    const headers = [callerHeader, callers.of(caller).text];
    if (relayedCapabilities(caller.capabilities) !== emptyObject) headers.push(answersHeader, '1');
    return { lines, headers };
  }

  protected override withdraw(call: HttpCall, reason: string): void {
    void call.session?.post(notificationRaw('notifications/cancelled', rawOf({ requestId: call.id, reason })));
  }

  protected override refused(call: HttpCall, message: ScannedMessage | undefined): void {
    const error = message?.error;
    const failure = error === undefined ? undefined : rpcFailure(error);
    if (call.status === 401 || call.status === 403) {
      this.settle(call, this.statusOutcome(call.status));
      return;
    }
    if (sessionIsLost(call.status, call.session?.id, failure)) {
      if (call.session === this.#session) this.#reopen('the server forgot the session');
      this.sendAgain(call, this.statusOutcome(503));
      return;
    }
    if (error === undefined || failure === undefined) {
      const { method } = call.lane.exchange;
      this.settle(
        call,
        isUnknown(method, call.status) ? unknownTo(method, this.from.key) : this.statusOutcome(call.status),
      );
      return;
    }
    if (failure.code === rpcCode.unsupportedVersion || failure.code === rpcCode.headerMismatch) {
      this.over('HandshakeFailed', 'it no longer speaks the revision it agreed to');
      this.sendAgain(call, errorOutcome(error, this.from));
      return;
    }
    this.settle(call, errorOutcome(error, this.from));
  }

  /** The server kept what it would have said: its session is asked for it where the stream broke. */
  protected override resumes(call: HttpCall): boolean {
    const { session, lastEventId } = call;
    if (lastEventId === undefined || session?.id === undefined || this.isOver) return false;
    const { endpoint, clock } = this.deps;
    call.resumed = new ResumedAnswer(call, {
      clock,
      path: endpoint.path,
      pool: () => session.place.streams,
      headers: () => session.streamHeaders,
      onEvent: (data) => this.onEvent(call, data),
      onLost: (reason) => this.broken(call, reason),
    });
    return true;
  }

  protected override serverAsks(message: ScannedMessage, call: HttpCall | undefined): void {
    const session = call?.session ?? this.#session;
    if (call === undefined || call.settled || !isQuestion(message.method)) session.answer(message);
    else this.#askDuring(call, message, session);
  }

  #askDuring(call: HttpCall, message: ScannedMessage, session: LegacySession): void {
    this.deps.request.asked?.();
    this.askedOf(call, (answer) => session.reply(answer), this.deps.request.purpose === 'primary').ask(
      message.id as RawJson,
      message,
    );
  }

  #takesBack(id: RawJson | undefined): void {
    if (id === undefined) return;
    for (const call of this.unanswered) if (call.asked?.withdrawn(id) === true) return;
  }

  /** On the session's own stream a question does not say to which call it belongs. */
  #askedBeside(message: ScannedMessage, session: LegacySession): void {
    if (!isQuestion(message.method)) {
      session.answer(message);
      return;
    }
    const couldAsk = (call: HttpCall): boolean => call.session === session && mayAsk(call.lane.exchange.method);
    const { purpose, caller } = this.deps.request;
    const found = soleAsker(this.unanswered, couldAsk);
    const isNobodys =
      typeof found !== 'string' && purpose === 'primary' && readsMissingRoots(message, found.lane.exchange.caller);
    const sole = isNobodys ? 'none' : found;
    if (typeof sole !== 'string') {
      this.#askDuring(sole, message, session);
      return;
    }
    if (sole === 'several' || message.method !== 'roots/list') this.deps.request.asked?.();
    void answerUnattributed(message, sole, caller).then((answer) => session.reply(answer));
  }

  /** The session is there no longer: with the replica goes all that it held. */
  override turnFrom(place: Place): boolean {
    if (!super.turnFrom(place)) return false;
    if (place === this.#session.place) this.#reopen('its replica cannot be reached');
    return true;
  }

  protected override placesChanged(): void {
    void this.settling();
  }

  protected override ended(): Promise<void> {
    return this.#session.end();
  }

  /** Opens a session anew; calls that come meanwhile wait for it. Ends the conversation when that fails. */
  #reopen(why: string): void {
    if (this.#recovering !== undefined || this.isOver) return;
    this.deps.log.info({ server: this.from.key, why }, 'opening a new session');
    const old = this.#session;
    old.leave();
    this.#recovering = this.#openElsewhere()
      .then(
        () => {
          this.missedChanges();
          this.#watchAgain();
        },
        (error: unknown) => {
          const reason = error instanceof ConnectError ? error.reason : 'HandshakeFailed';
          this.over(reason, error instanceof Error ? error.message : 'the session could not be opened anew');
        },
      )
      .finally(() => {
        this.#recovering = undefined;
        // Its place may have gone in the meantime.
        if (this.deps.request.purpose === 'primary') this.placesChanged();
      });
  }

  async #openElsewhere(): Promise<void> {
    for (let tries = 0; ; tries++) {
      const place = this.#options.choose();
      if (place === undefined) throw noPlace();
      try {
        const handshake = await this.#options.initialize(place);
        this.handshake = handshake;
        this.#session = new LegacySession(this.#sessionDeps, place, handshake);
        if (this.isOver) await this.#session.end();
        else await this.opened();
        return;
      } catch (error) {
        const elsewhere = error instanceof ConnectError && error.reason === 'Unreachable';
        if (!elsewhere || tries >= httpLimits.reroutes || this.isOver || !super.turnFrom(place)) throw error;
      }
    }
  }
}

function uriParams(uri: string): RawJson {
  return `{"uri":${JSON.stringify(uri)}}` as RawJson;
}

export function legacyBaseHeaders(configured: readonly string[], userAgent: string): string[] {
  return [
    ...configured,
    'content-type',
    'application/json',
    'accept',
    'application/json, text/event-stream',
    'user-agent',
    userAgent,
  ];
}

/**
 * 404 is the specification's answer for an unknown session; widely used servers say 400 with a legacy code and the word instead. Both refuse
 * before anything is executed. -32601 as 404 is about the method, not the session.
 */
function sessionIsLost(
  status: number,
  session: string | undefined,
  failure: { readonly code: number; readonly message: string } | undefined,
): boolean {
  if (session === undefined) return false;
  if (status === 404 || status === 410) return failure?.code !== rpcCode.methodNotFound;
  if (status !== 400 || failure === undefined) return false;
  return failure.code <= -32_000 && failure.code >= -32_019 && /session/i.test(failure.message);
}
