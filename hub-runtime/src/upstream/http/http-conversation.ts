/**
 * What conversations of both eras over HTTP share: the calls in flight, their deadlines, what comes back for them, and the end.
 *
 * Rules: a call settles once; what arrives later is counted and dropped. A cancelled or timed out call is withdrawn at the server in its
 * era's way. A failure before anything was written, or a refusal that proves nothing was executed, hands the call back to be sent
 * again once (`resend`); anything else is answered as it is, never repeated, unless the method only reads (EF-31).
 */
import type { Era, ServerConfig } from '@quaymaster/crds';

import { type Clock, type Logger, type Random, serverName } from '../../base/index.ts';
import { type ErrorOutcome, hubError, type LaneCall, type Outcome, type ResultOutcome } from '../../exchange/index.ts';
import type { Observer } from '../../observe/index.ts';
import {
  editObject,
  memberRaw,
  type MemberEdit,
  notificationRaw,
  type RawJson,
  rawToBytes,
  requestRaw,
  type ScannedMessage,
  type ScannedObject,
  upstreamMeta,
} from '../../wire/index.ts';
import { type Answerer, outcomeOf, protocolFault } from '../answer.ts';
import type { ConnectRequest, Conversation, ConversationEnd } from '../conversation.ts';
import { type CallMessages, readCallMessage } from './call-messages.ts';
import { CallsInFlight } from './calls-in-flight.ts';
import type { Endpoint } from './endpoint.ts';
import { type CallHost, HttpCall } from './http-call.ts';
import type { OriginLease } from './http-pool.ts';
import type { Failure } from './http-request.ts';
import { httpLimits } from './limits.ts';
import { post, type Reply } from './post.ts';
import { joinMeta, onlyReads, statusOutcome } from './request-rules.ts';

export interface HttpConversationDeps {
  readonly endpoint: Endpoint;
  readonly lease: OriginLease;
  /** Settings of the moment: timeouts may change under a live conversation. */
  readonly config: () => ServerConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly observer: Observer;
  readonly request: ConnectRequest;
}

/** What a handshake found out. */
export interface Handshake {
  readonly revision: string;
  readonly serverInfo: RawJson | undefined;
  readonly instructions: RawJson | undefined;
  readonly capabilities: ScannedObject;
}

type Listener = (method: string, params: ScannedObject | undefined, message: RawJson) => void;

export abstract class HttpConversation implements Conversation, CallHost, CallMessages {
  abstract readonly era: Era;
  readonly pid = undefined;
  protected readonly deps: HttpConversationDeps;
  protected handshake: Handshake;
  protected readonly from: Answerer;
  readonly #calls: CallsInFlight;
  #nextId = 1;
  #end: ConversationEnd | undefined;
  /** Over by itself: the last call gives the connections back. */
  #isEnding = false;
  #onClosed: ((end: ConversationEnd) => void) | undefined;
  #onNotification: Listener | undefined;

  protected constructor(deps: HttpConversationDeps, handshake: Handshake, era: Era) {
    const { key, prefix } = deps.config();
    this.deps = deps;
    this.handshake = handshake;
    this.from = { era, key, prefix };
    this.#calls = new CallsInFlight(deps.clock, (call, ms) =>
      this.#giveUp(call, hubError('QM_CALL_TIMEOUT', { server: key, ms }), 'timed out'),
    );
  }

  /** Era's envelope for `_meta`, '' for none. */
  protected abstract readonly envelope: string;
  /** Headers of a call, and the session it goes to. */
  protected abstract headersFor(call: HttpCall): string[];
  /** Headers of a request of the hub's own. */
  protected abstract ownHeaders(method: string): string[];
  /** The server should stop working on a call nobody waits for. */
  protected abstract withdraw(call: HttpCall, reason: string): void;
  /** An answer with an HTTP error status. `message`: the JSON-RPC response in it, when there was one. */
  protected abstract refused(call: HttpCall, message: ScannedMessage | undefined): void;
  /** When an answer to a request of the hub's own says that the session is gone: resolves once there is a new one. */
  protected abstract recover(status: number, message: ScannedMessage | undefined): Promise<void> | undefined;
  /** A request of the server's own. */
  protected abstract serverAsks(message: ScannedMessage): void;
  /** Resolves when new calls may be sent; undefined: now. */
  protected abstract get recovering(): Promise<void> | undefined;
  protected abstract ended(reason: string): Promise<void>;
  abstract notify(method: string, params: RawJson): void;

  get revision(): string {
    return this.handshake.revision;
  }

  get serverInfo(): RawJson | undefined {
    return this.handshake.serverInfo;
  }

  get instructions(): RawJson | undefined {
    return this.handshake.instructions;
  }

  get capabilities(): ScannedObject {
    return this.handshake.capabilities;
  }

  get inFlight(): number {
    return this.#calls.size;
  }

  get isOver(): boolean {
    return this.#end !== undefined;
  }

  send(lane: LaneCall): Promise<Outcome> {
    const recovering = this.recovering;
    if (recovering !== undefined) return recovering.then(() => this.send(lane));
    if (this.#end !== undefined)
      return this.deps.request.resend?.(lane) ?? Promise.resolve(this.#unavailable(this.#end.message));
    const { cancellation } = lane.exchange.leg;
    if (cancellation.cancelled) return Promise.resolve(hubError('QM_CANCELLED'));
    if (this.#calls.size >= httpLimits.inFlight)
      return Promise.resolve(
        hubError('QM_OVERLOADED', {
          limit: httpLimits.inFlight,
          what: `calls in flight to server "${serverName(this.from.key)}"`,
        }),
      );
    return new Promise((resolve) => {
      const call = new HttpCall(this, this.#nextId++, lane, this.deps.clock.monotonic(), resolve);
      this.#calls.add(call, this.deps.config().timeouts);
      call.stopListening = cancellation.onCancel(() => this.#giveUp(call, hubError('QM_CANCELLED'), 'cancelled'));
      const body = rawToBytes(requestRaw(call.id, lane.exchange.method, this.#params(call)));
      this.deps.lease.calls.dispatch(
        { path: this.deps.endpoint.path, method: 'POST', headers: this.headersFor(call), body },
        call,
      );
    });
  }

  async request(method: string, params: RawJson, timeoutMs: number): Promise<ResultOutcome | ErrorOutcome> {
    if (this.#end !== undefined) return this.#unavailable(this.#end.message);
    let reply = await this.exchange(method, params, timeoutMs);
    // Lists and pings only read: a connection that was closed while idle is no reason to fail.
    if (reply.kind === 'failure' && reply.failure.kind === 'cut')
      reply = await this.exchange(method, params, timeoutMs);
    const recovery = reply.kind === 'reply' ? this.recover(reply.status, reply.message) : undefined;
    if (recovery !== undefined) {
      await recovery;
      reply = await this.exchange(method, params, timeoutMs);
    }
    if (reply.kind === 'failure') {
      const { kind, reason } = reply.failure;
      if (kind === 'timeout') return hubError('QM_CALL_TIMEOUT', { server: this.from.key, ms: timeoutMs });
      if (kind === 'unsent') this.over('Unreachable', `it cannot be reached: ${reason}`);
      return kind === 'refused' ? protocolFault(this.from.key, reason) : this.#unavailable(reason);
    }
    if (reply.message === undefined) return this.statusOutcome(reply.status);
    const outcome = outcomeOf(reply.message, method, this.from);
    return outcome.kind === 'result' || outcome.kind === 'error'
      ? outcome
      : protocolFault(this.from.key, `${method} was answered with a question`);
  }

  onNotification(listener: Listener): void {
    this.#onNotification = listener;
  }

  onClosed(listener: (end: ConversationEnd) => void): void {
    this.#onClosed = listener;
    if (this.#end !== undefined) listener(this.#end);
  }

  async close(reason: string): Promise<void> {
    this.#onClosed = undefined;
    this.#end ??= { reason: 'Stopped', message: reason };
    const gone = hubError('QM_SERVER_GONE', { server: this.from.key, reason });
    this.#calls.abandon(reason, (call) => this.settle(call, gone));
    await this.ended(reason);
    this.deps.lease.release();
  }

  /** A request of the hub's own, raw. */
  protected exchange(method: string, params: RawJson, timeoutMs: number, signal?: AbortSignal): Promise<Reply> {
    const id = this.#nextId++;
    const meta = upstreamMeta(undefined, this.envelope, undefined);
    const withMeta = meta === undefined ? params : joinMeta(params, meta);
    return post(
      {
        pool: this.deps.lease.calls,
        path: this.deps.endpoint.path,
        method: 'POST',
        headers: this.ownHeaders(method),
        body: requestRaw(id, method, withMeta),
        id: String(id),
        timeoutMs,
        clock: this.deps.clock,
        onMessage: (message) => this.unsolicited(message),
      },
      signal,
    );
  }

  /** A notification, best effort. */
  protected tell(method: string, params: RawJson, headers: string[]): Promise<Reply> {
    return post({
      pool: this.deps.lease.calls,
      path: this.deps.endpoint.path,
      method: 'POST',
      headers,
      body: notificationRaw(method, params),
      id: undefined,
      timeoutMs: httpLimits.courtesyMs,
      clock: this.deps.clock,
    });
  }

  /** The conversation is over by itself. Calls still in flight end on their own connections. */
  protected over(reason: string, message: string): void {
    if (this.#end !== undefined) return;
    this.#end = { reason, message };
    this.#isEnding = true;
    void this.ended(message).then(() => {
      if (this.#calls.size === 0) this.deps.lease.release();
    });
    this.#onClosed?.(this.#end);
  }

  /** A message that belongs to no call: from an event stream, or beside an answer. */
  unsolicited(message: ScannedMessage): void {
    if (message.kind === 'notification') this.#onNotification?.(message.method, message.params, message.raw);
    else if (message.kind === 'request') this.serverAsks(message);
    else this.late();
  }

  /** Lists may have changed while nobody listened. */
  protected missedChanges(): void {
    for (const kind of ['tools', 'prompts', 'resources']) {
      if (memberRaw(this.capabilities, kind) === undefined) continue;
      const method = `notifications/${kind}/list_changed`;
      this.#onNotification?.(method, undefined, notificationRaw(method, '{}' as RawJson));
    }
  }

  protected settle(call: HttpCall, outcome: Outcome | Promise<Outcome>): void {
    if (!this.#calls.settle(call, outcome)) return;
    if (this.#isEnding && this.#calls.size === 0) this.deps.lease.release();
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
    else this.refused(call, message);
  }

  progressed(call: HttpCall): void {
    this.#calls.touch(call, this.deps.config().timeouts.callMs);
  }

  late(): void {
    this.deps.observer.count('lateAnswers', this.from.key);
  }

  onBody(call: HttpCall, body: RawJson): void {
    this.#calls.ended(call);
    if (call.settled) {
      this.late();
      return;
    }
    const success = call.status >= 200 && call.status < 300;
    if (body === '' || (!success && body.charCodeAt(0) !== 123)) {
      if (success) this.settle(call, this.statusOutcome(call.status));
      else this.refused(call, undefined);
      return;
    }
    readCallMessage(call, body, this);
    if (call.settled) return;
    if (success) this.settle(call, protocolFault(this.from.key, call.fault ?? 'no answer in its response'));
    else this.refused(call, undefined);
  }

  onEvent(call: HttpCall, data: RawJson): void {
    readCallMessage(call, data, this);
  }

  onStreamEnd(call: HttpCall): void {
    this.#calls.ended(call);
    if (call.settled) return;
    if (call.fault !== undefined) {
      this.settle(call, protocolFault(this.from.key, call.fault));
      return;
    }
    this.#broken(call, 'its event stream ended before the answer');
  }

  onFailure(call: HttpCall, failure: Failure): void {
    this.#calls.ended(call);
    if (call.settled) return;
    switch (failure.kind) {
      case 'unsent': {
        this.over('Unreachable', `it cannot be reached: ${failure.reason}`);
        this.sendAgain(call, this.#unavailable(failure.reason));
        return;
      }
      case 'refused':
        this.settle(call, protocolFault(this.from.key, failure.reason));
        return;
      default:
        this.#broken(call, failure.reason);
    }
  }

  #broken(call: HttpCall, reason: string): void {
    this.deps.request.suspect?.();
    const gone = hubError('QM_SERVER_GONE', { server: this.from.key, reason });
    if (onlyReads(call.lane.exchange.method)) this.sendAgain(call, gone);
    else this.settle(call, gone);
  }

  #params(call: HttpCall): RawJson {
    const { exchange, edits } = call.lane;
    const { leg, params } = exchange;
    const token = leg.progressToken === undefined ? undefined : call.id;
    const meta = upstreamMeta(params?.meta, this.envelope, token, leg.logLevel);
    if (meta === undefined) return editObject(params, edits, dropMeta);
    const all: MemberEdit[] = edits.slice();
    all.push(['_meta', meta]);
    return editObject(params, all);
  }

  #giveUp(call: HttpCall, outcome: ErrorOutcome, reason: string): void {
    if (call.settled) return;
    const { sent } = call;
    this.settle(call, outcome);
    if (sent) this.withdraw(call, reason);
    else call.abort(reason);
  }

  #unavailable(reason: string): ErrorOutcome {
    return hubError('QM_SERVER_FAILED', { server: this.from.key, reason });
  }
}

const dropMeta: readonly string[] = ['_meta'];
