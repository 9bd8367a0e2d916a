/**
 * What conversations of both eras over HTTP share: the calls in flight, their deadlines, what comes back for them, and the end.
 *
 * Rules: a call settles once; what arrives later is counted and dropped. A cancelled or timed out call is withdrawn at the server in its
 * era's way. A failure before anything was written, or a refusal that proves nothing was executed, hands the call back to be sent
 * again once (`resend`); anything else is answered as it is, never repeated, unless the method only reads (EF-31).
 */
import type { Era, ServerConfig } from '@quaymaster/crds';

import type { Clock, Logger, Random } from '../../base/index.ts';
import { type ErrorOutcome, hubError, type LaneCall, type Outcome, type ResultOutcome } from '../../exchange/index.ts';
import type { Observer } from '../../observe/index.ts';
import {
  editObject,
  memberRaw,
  memberString,
  type MemberEdit,
  notificationRaw,
  type RawJson,
  rawToBytes,
  requestRaw,
  scanBatch,
  type ScannedMessage,
  type ScannedObject,
  scanMessage,
  upstreamMeta,
} from '../../wire/index.ts';
import { type Answerer, outcomeOf, printable, protocolFault } from '../answer.ts';
import type { ConnectRequest, Conversation, ConversationEnd } from '../conversation.ts';
import { isLogWanted } from '../log-level.ts';
import type { Endpoint } from './endpoint.ts';
import { type CallHost, HttpCall } from './http-call.ts';
import type { OriginLease } from './http-pool.ts';
import type { Failure } from './http-request.ts';
import { httpLimits, upstreamScanLimits } from './limits.ts';
import { post, type Reply } from './post.ts';

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

export abstract class HttpConversation implements Conversation, CallHost {
  abstract readonly era: Era;
  readonly pid = undefined;
  protected readonly deps: HttpConversationDeps;
  protected handshake: Handshake;
  protected readonly from: Answerer;
  readonly #calls = new Set<HttpCall>();
  /** Settled calls whose event stream is still open. */
  readonly #lingering = new Set<HttpCall>();
  #nextId = 1;
  #stopSweep: (() => void) | undefined;
  #end: ConversationEnd | undefined;
  #onClosed: ((end: ConversationEnd) => void) | undefined;
  #onNotification: Listener | undefined;

  protected constructor(deps: HttpConversationDeps, handshake: Handshake, era: Era) {
    const { key, prefix } = deps.config();
    this.deps = deps;
    this.handshake = handshake;
    this.from = { era, key, prefix };
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
        hubError('QM_OVERLOADED', { limit: httpLimits.inFlight, what: `calls in flight to server "${this.from.key}"` }),
      );
    return new Promise((resolve) => {
      const now = this.deps.clock.monotonic();
      const call = new HttpCall(this, this.#nextId++, lane, now, resolve);
      const { callMs, callMaxMs } = this.deps.config().timeouts;
      call.dueAt = now + callMs;
      call.endsAt = now + callMaxMs;
      this.#calls.add(call);
      if (this.#stopSweep === undefined) this.#startSweep(callMs);
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
    const calls = [...this.#calls];
    for (const call of calls) {
      this.settle(call, hubError('QM_SERVER_GONE', { server: this.from.key, reason }));
      call.abort(reason);
    }
    for (const call of this.#lingering) call.abort(reason);
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
    void this.ended(message).then(() => {
      if (this.#calls.size === 0) this.deps.lease.release();
    });
    this.#onClosed?.(this.#end);
  }

  /** A message that belongs to no call: from an event stream, or beside an answer. */
  protected unsolicited(message: ScannedMessage): void {
    if (message.kind === 'notification') this.#onNotification?.(message.method, message.params, message.raw);
    else if (message.kind === 'request') this.serverAsks(message);
    else this.#late();
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
    if (!call.settle(outcome)) return;
    this.#calls.delete(call);
    if (!call.over) {
      call.cutAt = this.deps.clock.monotonic() + httpLimits.lingerMs;
      this.#lingering.add(call);
    }
    if (this.#end !== undefined && this.#calls.size === 0) this.deps.lease.release();
  }

  /** Sends a call again that was not executed; `otherwise` when it has been sent again before. */
  protected sendAgain(call: HttpCall, otherwise: ErrorOutcome): void {
    const again = call.lane.exchange.leg.cancellation.cancelled ? undefined : this.deps.request.resend?.(call.lane);
    this.settle(call, again ?? otherwise);
  }

  /** What an HTTP status without a JSON-RPC answer means. */
  protected statusOutcome(status: number): ErrorOutcome {
    const server = this.from.key;
    if (status >= 200 && status < 300) return protocolFault(server, `HTTP ${status} without a JSON-RPC answer`);
    if (status >= 300 && status < 400) return protocolFault(server, `HTTP ${status}: redirects are not followed`);
    if (status === 401 || status === 403) return this.#unavailable(`it refuses the hub's credentials (HTTP ${status})`);
    if (status === 408 || status === 425 || status === 429 || status === 503)
      return this.#unavailable(`it answers HTTP ${status}`);
    return status >= 500
      ? hubError('QM_SERVER_STATUS', { server, status })
      : protocolFault(server, `HTTP ${status} without a JSON-RPC answer`);
  }

  onBody(call: HttpCall, body: RawJson): void {
    this.#lingering.delete(call);
    if (call.settled) {
      this.#late();
      return;
    }
    const success = call.status >= 200 && call.status < 300;
    if (body === '' || (!success && body.charCodeAt(0) !== 123)) {
      if (success) this.settle(call, this.statusOutcome(call.status));
      else this.refused(call, undefined);
      return;
    }
    this.#take(call, body, success);
    if (!call.settled && success)
      this.settle(call, protocolFault(this.from.key, call.fault ?? 'no answer in its response'));
    else if (!call.settled) this.refused(call, undefined);
  }

  onEvent(call: HttpCall, data: RawJson): void {
    this.#take(call, data, true);
  }

  onStreamEnd(call: HttpCall): void {
    this.#lingering.delete(call);
    if (call.settled) return;
    if (call.fault !== undefined) {
      this.settle(call, protocolFault(this.from.key, call.fault));
      return;
    }
    this.#broken(call, 'its event stream ended before the answer');
  }

  onFailure(call: HttpCall, failure: Failure): void {
    this.#lingering.delete(call);
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

  /** One message of an answer: a JSON body, or an event. */
  #take(call: HttpCall, raw: RawJson, success: boolean): void {
    const message = scanMessage(raw, upstreamScanLimits);
    if (message.kind === 'fault') {
      const batch = message.fault === 'batch' ? scanBatch(raw, 64, upstreamScanLimits) : undefined;
      if (batch === undefined || !Array.isArray(batch)) {
        call.fault = `its answer is no JSON-RPC message: ${message.message}`;
        return;
      }
      // 2025-03-26 lets a server send several messages in one event.
      for (const one of batch as readonly ScannedMessage[])
        if (one.kind === 'response') this.#answer(call, one, success);
      return;
    }
    if (message.kind === 'response') this.#answer(call, message, success);
    else if (message.kind === 'request') this.serverAsks(message);
    else this.#notification(call, message);
  }

  #answer(call: HttpCall, message: ScannedMessage, success: boolean): void {
    if (call.settled) {
      this.#late();
      return;
    }
    const anonymousError = message.error !== undefined && (message.id === undefined || message.id === 'null');
    if (message.id !== call.idRaw && !anonymousError) {
      call.fault = `it answered with the id ${printable(message.id ?? 'of nobody')}`;
      return;
    }
    if (success) this.settle(call, outcomeOf(message, call.lane.exchange.method, this.from));
    else this.refused(call, message);
  }

  #notification(call: HttpCall, message: ScannedMessage): void {
    if (call.settled) return;
    const { leg } = call.lane.exchange;
    const { method } = message;
    switch (method) {
      case 'notifications/progress': {
        const token = memberRaw(message.params, 'progressToken');
        if (leg.progressToken === undefined || (token !== call.idRaw && token !== `"${call.idRaw}"`)) return;
        call.dueAt = this.deps.clock.monotonic() + this.deps.config().timeouts.callMs;
        leg.notify(notificationRaw(method, editObject(message.params, [['progressToken', leg.progressToken]])));
        return;
      }
      case 'notifications/message':
        if (isLogWanted(call.lane.exchange, memberString(message.params, 'level'))) leg.notify(message.raw);
        return;
      case 'notifications/cancelled':
        return;
      case 'notifications/tools/list_changed':
      case 'notifications/prompts/list_changed':
      case 'notifications/resources/list_changed':
      case 'notifications/resources/updated':
        this.unsolicited(message);
        return;
      default:
        leg.notify(message.raw);
    }
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

  #startSweep(callMs: number): void {
    const period = Math.min(250, Math.max(20, callMs / 4));
    this.#stopSweep = this.deps.clock.every(period, () => this.#sweep());
  }

  /** The only timer of all calls: ends those past their time, and streams that outlive their answer. */
  #sweep(): void {
    if (this.#calls.size === 0 && this.#lingering.size === 0) {
      this.#stopSweep?.();
      this.#stopSweep = undefined;
      return;
    }
    const now = this.deps.clock.monotonic();
    for (const call of this.#calls) {
      if (now < call.dueAt && now < call.endsAt) continue;
      const ms = Math.round((now < call.endsAt ? call.dueAt : call.endsAt) - call.startedAt);
      this.#giveUp(call, hubError('QM_CALL_TIMEOUT', { server: this.from.key, ms }), 'timed out');
    }
    for (const call of this.#lingering) {
      if (now < call.cutAt) continue;
      this.#lingering.delete(call);
      call.abort('open after its answer');
    }
  }

  #unavailable(reason: string): ErrorOutcome {
    return hubError('QM_SERVER_FAILED', { server: this.from.key, reason });
  }

  #late(): void {
    this.deps.observer.count('lateAnswers', this.from.key);
  }
}

const dropMeta: readonly string[] = ['_meta'];

function joinMeta(params: RawJson, meta: RawJson): RawJson {
  return (params === '{}' ? `{"_meta":${meta}}` : `${params.slice(0, -1)},"_meta":${meta}}`) as RawJson;
}

/** Repeating these changes nothing at the server. Annotations of tools are not trusted for that. */
function onlyReads(method: string): boolean {
  switch (method) {
    case 'resources/read':
    case 'prompts/get':
    case 'completion/complete':
      return true;
    default:
      return false;
  }
}
