/**
 * Conversation with a server of 2025-11-25 or older: one session, named by `Mcp-Session-Id` when the server gave one.
 *
 * Cancelling is a notification; the answer's stream is then only given a moment to end. A 404 says the session is gone and nothing was
 * executed: the session is opened anew once for all, and the call goes back (EF-31). What the server sends unasked comes on the GET stream.
 * The server's own requests are answered at once: `ping` with `{}`, everything else with -32601.
 */
import type { LaneCall, Outcome } from '../../exchange/index.ts';
import {
  errorRaw,
  memberRaw,
  notificationRaw,
  type RawJson,
  rawOf,
  resultRaw,
  rpcCode,
  type ScannedMessage,
} from '../../wire/index.ts';
import { errorOutcome, rpcFailure } from '../answer.ts';
import { ToldLogLevel } from '../log-level.ts';
import { EventStream } from './event-stream.ts';
import type { HttpCall } from './http-call.ts';
import { type Handshake, HttpConversation, type HttpConversationDeps } from './http-conversation.ts';
import { httpLimits, listenMs } from './limits.ts';
import { post } from './post.ts';

/** A handshake with the session it opened. */
export interface LegacyHandshake extends Handshake {
  readonly sessionId: string | undefined;
}

export class LegacyConversation extends HttpConversation {
  readonly era = 'legacy';
  protected readonly envelope = '';
  #session: string | undefined;
  #headers: readonly string[];
  #recovering: Promise<void> | undefined;
  #replies = 0;
  #stream: EventStream | undefined;
  readonly #logLevel = new ToldLogLevel();
  readonly #base: readonly string[];
  readonly #initialize: () => Promise<LegacyHandshake>;

  /** `initialize` opens the session anew when the server has forgotten it. */
  constructor(
    deps: HttpConversationDeps,
    handshake: LegacyHandshake,
    base: readonly string[],
    initialize: () => Promise<LegacyHandshake>,
  ) {
    super(deps, handshake, 'legacy');
    this.#base = base;
    this.#initialize = initialize;
    this.#session = handshake.sessionId;
    this.#headers = sessionHeaders(base, handshake);
  }

  protected get recovering(): Promise<void> | undefined {
    return this.#recovering;
  }

  /** A server of one client's own learns the level that client wants before the first call that wants it. */
  override send(lane: LaneCall): Promise<Outcome> {
    const { logLevel } = lane.exchange.leg;
    if (logLevel === undefined || !this.#takesLogLevel) return super.send(lane);
    const telling = this.#logLevel.ensure(logLevel, (level) =>
      this.request('logging/setLevel', rawOf({ level }), httpLimits.courtesyMs),
    );
    return telling === undefined ? super.send(lane) : telling.then(() => super.send(lane));
  }

  get #takesLogLevel(): boolean {
    return this.deps.request.purpose === 'client' && memberRaw(this.capabilities, 'logging') !== undefined;
  }

  /** Tells the server the handshake is done, and listens. */
  async opened(): Promise<void> {
    await this.#notify(notificationRaw('notifications/initialized', '{}' as RawJson));
    if (this.deps.request.purpose !== 'primary') return;
    this.#stream = this.#openStream();
    this.#stream.start();
    await this.#stream.settled(listenMs);
  }

  protected override headersFor(call: HttpCall): string[] {
    call.session = this.#session;
    return this.#headers as string[];
  }

  protected override ownHeaders(): string[] {
    return this.#headers as string[];
  }

  notify(name: string, params: RawJson): void {
    void this.#notify(notificationRaw(name, params));
  }

  protected override withdraw(call: HttpCall, reason: string): void {
    this.notify('notifications/cancelled', rawOf({ requestId: call.id, reason }));
  }

  protected override refused(call: HttpCall, message: ScannedMessage | undefined): void {
    const error = message?.error;
    const failure = error === undefined ? undefined : rpcFailure(error);
    if (call.status === 401 || call.status === 403) {
      this.settle(call, this.statusOutcome(call.status));
      return;
    }
    if (sessionIsLost(call.status, call.session, failure)) {
      if (call.session === this.#session) this.#reopen();
      this.sendAgain(call, this.statusOutcome(503));
      return;
    }
    if (error === undefined || failure === undefined) {
      this.settle(call, this.statusOutcome(call.status));
      return;
    }
    if (failure.code === rpcCode.unsupportedVersion || failure.code === rpcCode.headerMismatch) {
      this.over('HandshakeFailed', 'it no longer speaks the revision it agreed to');
      this.sendAgain(call, errorOutcome(error, this.from));
      return;
    }
    this.settle(call, errorOutcome(error, this.from));
  }

  protected override recover(status: number, message: ScannedMessage | undefined): Promise<void> | undefined {
    const failure = message?.error === undefined ? undefined : rpcFailure(message.error);
    if (!sessionIsLost(status, this.#session, failure)) return undefined;
    this.#reopen();
    return this.#recovering;
  }

  protected override serverAsks(message: ScannedMessage): void {
    if (message.id === undefined || this.#replies >= httpLimits.repliesAtOnce) return;
    const answer =
      message.method === 'ping'
        ? resultRaw(message.id, '{}' as RawJson)
        : errorRaw(message.id, rpcCode.methodNotFound, `${message.method} is not offered by this client`);
    this.#replies++;
    void this.#notify(answer).finally(() => {
      this.#replies--;
    });
  }

  protected override async ended(): Promise<void> {
    this.#stream?.stop();
    const session = this.#session;
    this.#session = undefined;
    if (session === undefined) return;
    // A courtesy: servers may answer 405, and an unreachable one has no session to end.
    await this.#own('DELETE', undefined);
  }

  /** Opens the session anew; calls that come meanwhile wait for it. Ends the conversation when that fails. */
  #reopen(): void {
    if (this.#recovering !== undefined || this.isOver) return;
    this.deps.log.info({ server: this.from.key }, 'the server forgot the session; opening a new one');
    this.#stream?.stop();
    this.#recovering = this.#initialize()
      .then(async (handshake) => {
        this.handshake = handshake;
        this.#logLevel.forget();
        this.#session = handshake.sessionId;
        this.#headers = sessionHeaders(this.#base, handshake);
        await this.opened();
      })
      .then(
        () => this.missedChanges(),
        (error: unknown) => {
          this.over('HandshakeFailed', error instanceof Error ? error.message : 'the session could not be opened anew');
        },
      )
      .finally(() => {
        this.#recovering = undefined;
      });
  }

  #openStream(): EventStream {
    const { lease, endpoint, clock, random } = this.deps;
    const session = this.#session;
    return new EventStream({
      pool: lease.streams,
      path: endpoint.path,
      clock,
      random,
      attempt: () => ({ method: 'GET', headers: streamHeaders(this.#headers), body: undefined }),
      onMessage: (message) => this.unsolicited(message),
      onOpen: (again) => {
        if (again) this.missedChanges();
      },
      onRefused: (status) => {
        if (status === 404 && session !== undefined && session === this.#session && this.#stream?.wasOpen === true)
          this.#reopen();
        return status >= 500 && status !== 501;
      },
      onUnreachable: (reason) => {
        this.over('Unreachable', `it cannot be reached: ${reason}`);
        return false;
      },
    });
  }

  #notify(message: RawJson): Promise<unknown> {
    return this.#own('POST', message);
  }

  #own(verb: 'POST' | 'DELETE', body: RawJson | undefined): Promise<unknown> {
    return post({
      pool: this.deps.lease.calls,
      path: this.deps.endpoint.path,
      method: verb,
      headers: this.#headers as string[],
      body,
      id: undefined,
      timeoutMs: httpLimits.courtesyMs,
      clock: this.deps.clock,
    });
  }
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

function sessionHeaders(base: readonly string[], handshake: LegacyHandshake): readonly string[] {
  const headers = [...base, 'mcp-protocol-version', handshake.revision];
  if (handshake.sessionId !== undefined) headers.push('mcp-session-id', handshake.sessionId);
  return headers;
}

function streamHeaders(headers: readonly string[]): string[] {
  const out: string[] = [];
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const [name = '', value = ''] = headers.slice(at, at + 2);
    if (name === 'content-type') continue;
    out.push(name, name === 'accept' ? 'text/event-stream' : value);
  }
  return out;
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
