/**
 * A negotiated conversation over a child's stdin and stdout, or another pipe for messages (HTTP+SSE, WebSocket): the Lane of such a server.
 *
 * `send` is the hot path: one line up, one write per turn of the event loop for all calls of that turn, and the answer straight to the
 * promise. Notifications that cannot be attributed to one caller are dropped where the child is shared, never guessed (field notes 6.3.2).
 */
import type { Era, ServerConfig, ServerTransport } from '@quaymaster/crds';

import { type Clock, serverName } from '../../base/index.ts';
import type { ErrorOutcome, LaneCall, Outcome, ResultOutcome } from '../../exchange/index.ts';
import {
  editObject,
  emptyObject,
  isQuestion,
  memberRaw,
  memberString,
  metaKey,
  notificationRaw,
  type RawJson,
  rawOf,
  type ScannedMessage,
  type ScannedObject,
  scanObject,
  upstreamMeta,
} from '../../wire/index.ts';
import { protocolFault } from '../answer.ts';
import type { ConnectRequest, Conversation, ConversationEnd } from '../conversation.ts';
import type { Envelopes } from '../envelopes.ts';
import { isHub } from '../is-hub.ts';
import { isLogForSession, isLogWanted, ToldLogLevel } from '../log-level.ts';
import { ResourceListen } from '../resource-listen.ts';
import { answerUnattributed, readsMissingRoots } from '../unattributed.ts';
import { callLine, ownLine } from './call-line.ts';
import { type Negotiated, readDiscover } from './handshake.ts';
import { listenForListChanges } from './list-changes.ts';
import { PipedListens } from './piped-listens.ts';
import type { StdioChannel } from './stdio-channel.ts';

export interface ConversationOptions {
  readonly channel: StdioChannel;
  readonly negotiated: Negotiated;
  readonly request: ConnectRequest;
  /** Modern envelopes, by caller. */
  readonly envelopes: Envelopes;
  readonly clock: Clock;
  /** Read at each call: timeouts may be edited while the child runs. */
  readonly config: () => ServerConfig;
  /** Between the end of stdin and SIGTERM. */
  readonly graceMs: number;
  /** What it goes over; stdio. */
  readonly transport?: ServerTransport;
  /** Only of a server that is not ours to start again: what to do about calls that a broken connection took with it. */
  readonly remote?: RemoteOptions;
}

export interface RemoteOptions {
  /** A call of this method may be sent again although it may have been executed. */
  repeats(method: string): boolean;
  /** Why nothing new may be sent here. */
  stale(): string | undefined;
  /** It is over, and nothing is in flight any more. */
  released(): void;
}

/** Subscribing to a resource. */
const watchMs = 10_000;
/** Longest wait for a child to take a log level; a call is never refused over it. */
const tellMs = 2_000;

type NotificationListener = (method: string, params: ScannedObject | undefined, message: RawJson) => void;

export class StdioConversation implements Conversation {
  readonly era: Era;
  readonly pid: number | undefined;
  readonly notice: string | undefined;
  readonly transport: ServerTransport;
  readonly #channel: StdioChannel;
  readonly #options: ConversationOptions;
  /** '' for a legacy server. */
  readonly #envelope: string;
  readonly #logLevel = new ToldLogLevel();
  /** Of a modern child. */
  readonly #resources: ResourceListen | undefined;
  readonly #listens: PipedListens;
  /** What the server says of itself. */
  #said: Negotiated;
  /** Outcomes of calls that surely were not executed. */
  readonly #unsent = new WeakSet<ErrorOutcome>();
  #onNotification: NotificationListener = () => {};
  #onClosed: ((end: ConversationEnd) => void) | undefined;
  #ended: ConversationEnd | undefined;

  constructor(options: ConversationOptions) {
    const { channel, negotiated } = options;
    this.era = negotiated.era;
    this.#said = negotiated;
    this.pid = channel.child.pid;
    this.notice = channel.child.notice;
    this.transport = options.transport ?? 'stdio';
    this.#channel = channel;
    this.#options = options;
    this.#envelope = negotiated.era === 'modern' ? options.envelopes.own : '';
    this.#listens = new PipedListens(channel, options.clock, options.envelopes.own);
    const { key, prefix } = options.config();
    channel.answerer = { era: negotiated.era, key, prefix };
    channel.onNotification = (message) => this.#notified(message);
    const over = (message: string): void => this.#over({ reason: channel.child.exit?.reason ?? 'Exited', message });
    channel.onEnd = over;
    channel.onAsked = (message) => this.#asked(message);
    if (channel.child.exit !== undefined) over(channel.child.exit.message);
    if (negotiated.era === 'modern')
      this.#resources = new ResourceListen(
        {
          clock: options.clock,
          server: serverName(key),
          open: (uris, on) => this.#listens.open(uris, on),
        },
        ({ method, params, raw }) => this.#onNotification(method, params, raw),
        (uris) => {
          for (const uri of uris) {
            const params = uriParams(uri);
            const updated = 'notifications/resources/updated';
            this.#onNotification(updated, scanObject(params), notificationRaw(updated, params));
          }
        },
      );
    if (negotiated.era === 'modern' && options.request.purpose === 'primary')
      listenForListChanges(channel, negotiated.capabilities, options.envelopes.own, options.clock);
  }

  get revision(): string {
    return this.#said.revision;
  }

  get serverInfo(): RawJson | undefined {
    return this.#said.serverInfo;
  }

  get instructions(): RawJson | undefined {
    return this.#said.instructions;
  }

  get capabilities(): ScannedObject {
    return this.#said.capabilities;
  }

  get heard(): number {
    return this.#channel.messages;
  }

  get inFlight(): number {
    return this.#channel.calls;
  }

  send(call: LaneCall): Promise<Outcome> {
    const { remote } = this.#options;
    const why = remote === undefined || this.#ended !== undefined ? undefined : remote.stale();
    if (why !== undefined) this.leave('NoEndpoints', why);
    if (remote !== undefined && this.#ended !== undefined && this.#channel.end === undefined) {
      const again = this.#options.request.resend?.(call);
      if (again !== undefined) return again;
    }
    const { logLevel } = call.exchange.leg;
    if (logLevel !== undefined && this.#takesLogLevel) {
      const tell = (level: string) => this.request('logging/setLevel', rawOf({ level }), tellMs);
      const telling = this.#logLevel.ensure(logLevel, tell);
      if (telling !== undefined) return telling.then(() => this.#send(call));
    }
    return this.#send(call);
  }

  setLogLevel(level: string): void {
    const isOfOne = this.#options.request.caller?.session !== undefined;
    if (isOfOne && this.#takesLogLevel)
      this.#logLevel.exactly(level, (wanted) => this.request('logging/setLevel', rawOf({ level: wanted }), tellMs));
  }

  /** Only a legacy child of one client's own: a shared one is not told one client's wish. */
  get #takesLogLevel(): boolean {
    const isOwn = this.era === 'legacy' && this.#options.request.purpose === 'client';
    return isOwn && memberRaw(this.capabilities, 'logging') !== undefined;
  }

  #send(call: LaneCall): Promise<Outcome> {
    // Nothing has been written yet: whoever opened this conversation may have a newer one.
    if (this.#channel.end !== undefined) {
      const again = this.#options.request.resend?.(call);
      if (again !== undefined) return again;
    }
    const { callMs, callMaxMs } = this.#timesOf(call);
    const id = this.#channel.nextId();
    const envelope = this.era === 'modern' ? this.#options.envelopes.of(call.exchange.caller) : '';
    const line = callLine(id, call, envelope);
    const answer = this.#channel.request(id, call.exchange.method, line, call.exchange, callMs, callMaxMs);
    return this.#options.remote === undefined ? answer : answer.then((outcome) => this.#orAgain(call, outcome));
  }

  /** A call that was not executed, or may be repeated, is sent once more on whatever conversation there is by then (EF-31). */
  #orAgain(call: LaneCall, outcome: Outcome): Outcome | Promise<Outcome> {
    const { remote, request } = this.#options;
    if (this.#ended !== undefined && this.#channel.calls === 0) remote?.released();
    if (outcome.kind !== 'error' || call.exchange.leg.cancellation.cancelled) return outcome;
    const isGone = outcome.errorCode === 'QM_SERVER_GONE';
    if (isGone) request.suspect?.();
    const mayRepeat = this.#unsent.has(outcome) || (isGone && remote?.repeats(call.exchange.method) === true);
    return (mayRepeat ? request.resend?.(call) : undefined) ?? outcome;
  }

  /** A request could not be handed over. `isUnsent`: it was surely not executed. */
  undelivered(id: number, outcome: ErrorOutcome, isUnsent: boolean): void {
    if (isUnsent) this.#unsent.add(outcome);
    this.#channel.undelivered(id, outcome);
  }

  /** Nothing new goes here. What is in flight ends here. */
  leave(reason: string, message: string): void {
    if (this.#ended !== undefined) return;
    this.#over({ reason, message });
    if (this.#channel.calls === 0) this.#options.remote?.released();
  }

  #timesOf({ until }: LaneCall): Pick<ServerConfig['timeouts'], 'callMs' | 'callMaxMs'> {
    const { timeouts } = this.#options.config();
    if (until === undefined) return timeouts;
    const leftMs = Math.max(1, until - this.#options.clock.monotonic());
    return { callMs: Math.min(timeouts.callMs, leftMs), callMaxMs: Math.min(timeouts.callMaxMs, leftMs) };
  }

  async request(method: string, params: RawJson, timeoutMs: number): Promise<ResultOutcome | ErrorOutcome> {
    const id = this.#channel.nextId();
    const line = ownLine(id, method, params, this.#envelope);
    const outcome = await this.#channel.request(id, method, line, undefined, timeoutMs, timeoutMs);
    if (outcome.kind === 'result' || outcome.kind === 'error') return outcome;
    return protocolFault(this.#options.config().key, `${method} asked a question`);
  }

  async refresh(timeoutMs: number): Promise<void> {
    if (this.era !== 'modern' || !isHub(this.capabilities)) return;
    const said = readDiscover(await this.request('server/discover', emptyObject, timeoutMs));
    if (typeof said === 'object' && 'era' in said) this.#said = said;
  }

  async watchResource(uri: string): Promise<ErrorOutcome | undefined> {
    if (this.#resources !== undefined) return this.#resources.watch(uri);
    const outcome = await this.request('resources/subscribe', uriParams(uri), watchMs);
    return outcome.kind === 'error' ? outcome : undefined;
  }

  unwatchResource(uri: string): void {
    if (this.#resources !== undefined) this.#resources.unwatch(uri);
    else void this.request('resources/unsubscribe', uriParams(uri), watchMs);
  }

  notify(method: string, params: RawJson): void {
    const object = scanObject(params);
    const hops = memberString(object?.meta, metaKey.hops);
    const meta =
      this.#envelope === '' ? undefined : upstreamMeta(object?.meta, this.#envelope, undefined, undefined, hops);
    this.#channel.notify(notificationRaw(method, meta === undefined ? params : editObject(object, [['_meta', meta]])));
  }

  onNotification(listener: NotificationListener): void {
    this.#onNotification = listener;
  }

  onClosed(listener: (end: ConversationEnd) => void): void {
    if (this.#ended !== undefined) listener(this.#ended);
    else this.#onClosed = listener;
  }

  async close(reason: string): Promise<void> {
    this.#resources?.stop();
    this.#channel.finish(reason);
    await this.#channel.child.stop(this.#options.graceMs);
  }

  #over(end: ConversationEnd): void {
    if (this.#ended !== undefined) return;
    this.#ended = end;
    this.#onClosed?.(end);
  }

  #notified(message: ScannedMessage): void {
    switch (message.method) {
      // Says which subset of the subscription is honoured; the hub asked for nothing it cannot do without.
      case 'notifications/subscriptions/acknowledged':
        this.#listens.of(message)?.message(message);
        return;
      case 'notifications/resources/updated': {
        // Of a modern child it names its subscription, which knows whether it still counts.
        const listen = this.#listens.of(message);
        if (listen === undefined) this.#onNotification(message.method, message.params, message.raw);
        else listen.message(message);
        return;
      }
      case 'notifications/cancelled': {
        const id = memberRaw(message.params, 'requestId');
        if (id !== undefined) this.#channel.withdrawn(id);
        return;
      }
      case 'notifications/message':
        this.#logged(message);
        return;
      default:
        this.#onNotification(message.method, message.params, message.raw);
    }
  }

  /** A question names no call on stdio. */
  #asked(message: ScannedMessage): void {
    const channel = this.#channel;
    const { request } = this.#options;
    if (this.era === 'modern' || !isQuestion(message.method)) {
      channel.refuse(message, `${message.method} is not offered by this client`);
      return;
    }
    const isShared = request.purpose === 'primary';
    const asker = channel.askerOf((caller) => !isShared || !readsMissingRoots(message, caller));
    if (asker !== 'none' || message.method !== 'roots/list') request.asked?.();
    if (typeof asker !== 'string') channel.ask(asker, message, isShared);
    else
      void answerUnattributed(message, asker, request.caller).then((answer) => {
        channel.notify(answer);
      });
  }

  /** A log line names no request on stdio. Only a child of one caller's own says by that whose it is. */
  #logged(message: ScannedMessage): void {
    const { caller } = this.#options.request;
    if (this.#options.request.purpose === 'client' && caller?.session !== undefined) {
      if (isLogForSession(caller.session, memberString(message.params, 'level'))) caller.session.notify(message.raw);
      return;
    }
    const exchange = this.#options.request.purpose === 'client' ? this.#channel.onlyExchange() : undefined;
    if (exchange !== undefined && isLogWanted(exchange, memberString(message.params, 'level'))) {
      exchange.leg.told = true;
      exchange.leg.notify(message.raw);
    } else this.#channel.dropped.notifications++;
  }
}

function uriParams(uri: string): RawJson {
  return `{"uri":${JSON.stringify(uri)}}` as RawJson;
}
