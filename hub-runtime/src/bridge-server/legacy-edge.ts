/**
 * Streamable HTTP of 2025-11-25 and older in front of a legacy child.
 *
 * The child was initialised once, by the bridge; every caller gets that answer and a session of its own. Requests go to the child as they are,
 * apart from id and progress token; what the child asks during one goes out on its answer, and the caller's response back. Three things are not passed to a *shared* child, since they would bind one caller's wish on all: the log level,
 * all but the first subscription to a resource, and all but the last end of one.
 */
import { hubError, type UpstreamState } from '../exchange/index.ts';
import { answersHeader, type Conversation } from '../upstream/index.ts';
import {
  emptyObject,
  idKey,
  memberRaw,
  memberString,
  objectRaw,
  parseRaw,
  type RawJson,
  rawOf,
  type RequestMeta,
  resultRaw,
  type ScannedMessage,
} from '../wire/index.ts';
import { BridgeCall } from './bridge-call.ts';
import type { BridgeSession, BridgeSessions } from './bridge-sessions.ts';
import type { BridgeLimits } from './limits.ts';
import { isPlain, notReady } from './not-ready.ts';
import type { Reply } from './reply.ts';
import type { ServedChildren } from './served-children.ts';

export interface LegacyEdgeDeps {
  readonly limits: BridgeLimits;
  readonly server: string;
  readonly served: ServedChildren;
  readonly sessions: BridgeSessions;
  readonly state: () => UpstreamState;
  readonly streams: () => number;
}

const subscribe = 'resources/subscribe';
const unsubscribe = 'resources/unsubscribe';

export class LegacyEdge {
  readonly #deps: LegacyEdgeDeps;

  constructor(deps: LegacyEdgeDeps) {
    this.#deps = deps;
  }

  post(reply: Reply, message: ScannedMessage, meta: RequestMeta, caller: string | undefined): void {
    if (message.kind === 'request' && message.method === 'initialize') {
      this.#initialize(reply, message, caller);
      return;
    }
    const session = this.#sessionOf(reply, message.id);
    if (session === undefined) return;
    if (message.kind === 'request') this.#request(reply, session, message, meta, caller);
    else {
      if (message.kind === 'notification') this.#notification(session, message);
      else session.questions.answered(message);
      reply.empty(202);
    }
  }

  /** The session's own stream. */
  get(reply: Reply): void {
    const session = this.#sessionOf(reply, undefined);
    if (session === undefined) return;
    if (!reply.takesEvents)
      return reply.fail(undefined, hubError('QM_NOT_ACCEPTABLE', { wanted: 'text/event-stream' }));
    const limit = this.#deps.limits.streams;
    if (this.#deps.streams() >= limit)
      return reply.fail(undefined, hubError('QM_OVERLOADED', { limit, what: 'open streams' }));
    if (session.streams.length >= this.#deps.limits.streamsPerSession) session.streams.shift()?.empty(200);
    session.streams.push(reply);
    reply.gone = () => {
      const at = session.streams.indexOf(reply);
      if (at >= 0) session.streams.splice(at, 1);
    };
    reply.open();
  }

  delete(reply: Reply): void {
    const session = this.#sessionOf(reply, undefined);
    if (session === undefined) return;
    this.#deps.sessions.end(session, 'the session ended');
    reply.empty(200);
  }

  /** What a child says to its session: to everybody it concerns, once each. */
  heard(owner: string | undefined, method: string, message: RawJson, uri: string | undefined): void {
    const { sessions } = this.#deps;
    for (const session of sessions.all) {
      if (session.owner !== owner) continue;
      if (method === 'notifications/resources/updated' && uri !== undefined && !session.subscriptions.has(uri))
        continue;
      sessions.tell(session, message);
    }
  }

  #initialize(reply: Reply, message: ScannedMessage, caller: string | undefined): void {
    const { server, served, sessions, state } = this.#deps;
    const id = message.id as RawJson;
    const { conversation } = served.keeper;
    if (conversation === undefined) return reply.fail(id, notReady(server, state(), true));
    const capabilities = memberRaw(message.params, 'capabilities') ?? emptyObject;
    const session = sessions.create(served.ownerOf(caller, capabilities), capabilities);
    if (session === undefined)
      return reply.fail(id, hubError('QM_OVERLOADED', { limit: this.#deps.limits.sessions, what: 'sessions' }));
    reply.head('Mcp-Session-Id', session.id);
    reply.answer(resultRaw(id, initializeResult(conversation)), 200);
  }

  #request(
    reply: Reply,
    session: BridgeSession,
    message: ScannedMessage,
    meta: RequestMeta,
    caller: string | undefined,
  ): void {
    const id = message.id as RawJson;
    const key = idKey(id);
    if (session.calls.has(key)) return reply.fail(id, hubError('QM_DUPLICATE_ID'));
    if (this.#answersItself(reply, session, message)) return;
    const call = new BridgeCall(id, meta, undefined, reply, session.questions);
    session.calls.set(key, call);
    const { method, params } = message;
    // A ping asks about the server: it needs no child of the caller's own.
    const owner = method === 'ping' ? undefined : session.owner;
    // A lost connection is no cancellation in this era; but whoever gives up on a ping has found the child silent.
    reply.gone = () => {
      call.abandoned = true;
      if (method !== 'ping') return;
      call.cancellation.cancel('client-gone');
      this.#deps.served.keeper.suspect();
    };
    const canAnswer = reply.request.headers[answersHeader] === '1';
    const { capabilities } = session;
    const asker = caller === undefined ? undefined : { caller, canAnswer };
    void this.#deps.served.send(owner, { method, params, leg: call }, capabilities, asker).then((outcome) => {
      session.calls.delete(key);
      if (outcome.kind === 'error' && method === subscribe) this.#unsubscribed(session, message);
      call.settle(outcome);
    });
  }

  /** Wishes of one caller that a shared child must not, or need not, hear. */
  #answersItself(reply: Reply, session: BridgeSession, message: ScannedMessage): boolean {
    const capabilities = this.#deps.served.keeper.conversation?.capabilities;
    let known = false;
    switch (message.method) {
      case 'logging/setLevel':
        known = session.owner === undefined && memberRaw(capabilities, 'logging') !== undefined;
        break;
      case subscribe:
        known = this.#subscribed(session, message);
        if (session.subscriptions.size > this.#deps.limits.subscriptionsPerSession) {
          this.#unsubscribed(session, message);
          const what = 'subscriptions of this session';
          reply.fail(message.id, hubError('QM_OVERLOADED', { limit: this.#deps.limits.subscriptionsPerSession, what }));
          return true;
        }
        break;
      case unsubscribe:
        known = this.#unsubscribed(session, message);
        break;
      default:
    }
    if (known) reply.answer(resultRaw(message.id as RawJson, emptyObject), 200);
    return known;
  }

  /** True when the child sends updates of it already. */
  #subscribed(session: BridgeSession, message: ScannedMessage): boolean {
    const uri = memberString(message.params, 'uri');
    if (uri === undefined) return false;
    const known = this.#isWanted(session.owner, uri);
    session.subscriptions.add(uri);
    return known;
  }

  /** True when others still want it. */
  #unsubscribed(session: BridgeSession, message: ScannedMessage): boolean {
    const uri = memberString(message.params, 'uri');
    if (uri === undefined) return false;
    session.subscriptions.delete(uri);
    return this.#isWanted(session.owner, uri);
  }

  #isWanted(owner: string | undefined, uri: string): boolean {
    for (const session of this.#deps.sessions.all)
      if (session.owner === owner && session.subscriptions.has(uri)) return true;
    return false;
  }

  /** A session is over: what only it wanted is not wanted any more. */
  ended(session: BridgeSession): void {
    const { served, sessions } = this.#deps;
    const { owner } = session;
    for (const uri of session.subscriptions)
      if (!this.#isWanted(owner, uri) && served.keeper.conversation !== undefined) void this.#forget(uri);
    if (owner !== undefined && !sessions.isShared(owner)) served.callerLeft(owner);
  }

  async #forget(uri: string): Promise<void> {
    // Of a shared child only: one of a caller's own ends with its last session.
    const params = rawOf({ uri: parseRaw(`"${uri.replaceAll(/["\\]/g, '\\$&')}"`) });
    await this.#deps.served.keeper.conversation?.request(unsubscribe, params, 5_000);
  }

  #notification(session: BridgeSession, message: ScannedMessage): void {
    const { method, params } = message;
    switch (method) {
      case 'notifications/cancelled': {
        const id = memberRaw(params, 'requestId');
        if (id !== undefined)
          session.calls.get(idKey(id))?.cancellation.cancel(memberString(params, 'reason') ?? 'cancelled');
        return;
      }
      // The bridge has said so itself, and declared no roots.
      case 'notifications/initialized':
      case 'notifications/roots/list_changed':
        return;
      default:
        this.#deps.served.notify(session.owner, method, params === undefined ? emptyObject : objectRaw(params));
    }
  }

  #sessionOf(reply: Reply, id: RawJson | undefined): BridgeSession | undefined {
    const given = reply.request.headers['mcp-session-id'];
    if (typeof given !== 'string' || !isPlain(given, 256)) {
      reply.fail(id, hubError('QM_SESSION_REQUIRED'));
      return undefined;
    }
    const session = this.#deps.sessions.find(given);
    if (session === undefined) reply.fail(id, hubError('QM_SESSION_NOT_FOUND', { reason: 'it has ended' }));
    return session;
  }
}

/** In the child's own bytes. */
function initializeResult({ revision, capabilities, serverInfo, instructions }: Conversation): RawJson {
  let out = `{"protocolVersion":${rawOf(revision)},"capabilities":${objectRaw(capabilities)}`;
  if (serverInfo !== undefined) out += `,"serverInfo":${serverInfo}`;
  if (instructions !== undefined) out += `,"instructions":${instructions}`;
  return `${out}}` as RawJson;
}
