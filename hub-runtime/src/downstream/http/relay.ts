/**
 * A legacy request whose session is not held here: sent on to the replica that has it, or the session goes on here (`peers/`). And a modern one
 * that goes on with a call another replica holds.
 *
 * Runs only where replicas exist and the client has come to another one than before; a request of a session that is held here never gets
 * this far. A request that another replica has sent is never sent on again: it is served here, or answered 421 with the one to ask.
 * Nothing is done twice: after a request may have been read elsewhere its loss is said, not repaired.
 */
import { anonymous, hubError } from '../../exchange/index.ts';
import {
  type AbsentSession,
  type ForwardEnd,
  type Forwarding,
  type ForwardSink,
  holderHeader,
  LegacySession,
  type PeerRouter,
  previousHeader,
} from '../../session/index.ts';
import { emptyObject, errorRaw, notificationRaw, type RawJson, sseEvent } from '../../wire/index.ts';
import type { HubEdge } from '../hub-edge.ts';
import type { ReplyOwner } from '../reply-sink.ts';
import { subscribe, updatedNotification } from '../subscribe.ts';
import type { EdgeRequest, EdgeResponse } from './edge-messages.ts';
import type { HttpReply } from './http-reply.ts';

/** Who a request may be sent to, one after the other, before the client is told to come again. */
const mostAttempts = 4;
/** Before somebody who did not answer is asked again, and for how long: by then it has answered or counts as gone. */
const againMs = 250;
const patienceMs = 12_000;
/** A server that does not take a subscription at once may only be starting. */
const subscribePausesMs = [250, 1_000, 4_000, 15_000];

/** `id`: of the JSON-RPC request, when it is one. */
export function relay(
  edge: HubEdge,
  peers: PeerRouter,
  request: EdgeRequest,
  reply: HttpReply,
  absent: AbsentSession,
  id: RawJson | undefined,
): void {
  if (request.relayed) {
    reply.refuse(id, hubError('QM_SESSION_NOT_FOUND', { reason: 'it has ended' }));
    return;
  }
  if (edge.draining) {
    // Its end has begun: nothing new begins here, and whoever sent it looks elsewhere.
    reply.accepted(421);
    return;
  }
  route(edge, peers, request, reply, absent, id).catch((error: unknown) => {
    edge.deps.log.error({ err: error, hub: edge.key }, 'a request failed between replicas');
    reply.refuse(id, hubError('QM_INTERNAL'));
  });
}

async function route(
  edge: HubEdge,
  peers: PeerRouter,
  request: EdgeRequest,
  reply: HttpReply,
  absent: AbsentSession,
  id: RawJson | undefined,
): Promise<void> {
  const sent = request.accepts !== undefined;
  const { clock } = edge.deps;
  const until = clock.monotonic() + patienceMs;
  for (let attempt = 0; attempt < mostAttempts;) {
    const placement = await peers.locate(absent, edge.key, sent);
    if (reply.done) return;
    switch (placement.kind) {
      case 'ended':
        reply.refuse(id, hubError('QM_SESSION_NOT_FOUND', { reason: 'it has ended' }));
        return;
      case 'unknown':
        if (clock.monotonic() >= until) {
          reply.refuse(id, hubError('QM_REPLICA_UNREACHABLE'));
          return;
        }
        await new Promise<void>((resolve) => void clock.after(againMs, resolve));
        if (reply.done) return;
        break;
      case 'here': {
        // Requests that came at the same time have waited for the same answer: the first of them took it over.
        const isNew = edge.sessions.held(absent.id) === undefined;
        const session = edge.sessions.adopt(absent, anonymous, placement.mirror);
        if (session instanceof LegacySession) {
          if (isNew) {
            session.previous = placement.from;
            for (const uri of placement.mirror?.subscriptions ?? []) void subscribeAgain(edge, session, uri);
            peers.mirror(session);
            edge.deps.observer.count('sessionsAdopted', edge.key);
          }
          request.relayed = true;
          request.again?.();
        } else if (session === 'full') {
          const limit = edge.port.graph.config.limits.sessions;
          reply.refuse(id, hubError('QM_OVERLOADED', { limit, what: 'sessions' }), 'sessions');
        } else
          reply.refuse(id, hubError('QM_SESSION_NOT_FOUND', { reason: 'what it agreed on was lost with its replica' }));
        return;
      }
      case 'peer': {
        if (sent) {
          reply.addHead([holderHeader, placement.peer]);
          reply.accepted(421);
          return;
        }
        attempt++;
        edge.deps.observer.count('peerForwards', edge.key);
        const how = await send(edge, peers, placement.peer, request, reply, absent, id);
        if (how === 'done' || reply.done) return;
        if (how === 'lost') {
          reply.refuse(id, hubError('QM_REPLICA_LOST'));
          return;
        }
        if (how === 'busy') {
          reply.refuse(id, hubError('QM_REPLICA_UNREACHABLE'));
          return;
        }
      }
    }
  }
  reply.refuse(id, hubError('QM_REPLICA_UNREACHABLE'));
}

/**
 * A modern request that goes on with a call waiting at another replica: there or nowhere. One that another replica has sent is served where it
 * arrives, so a state can send a request on one hop at most.
 */
export function relayToOwner(
  edge: HubEdge,
  peers: PeerRouter,
  owner: string,
  request: EdgeRequest,
  reply: HttpReply,
  id: RawJson | undefined,
): void {
  edge.deps.observer.count('peerForwards', edge.key);
  void send(edge, peers, owner, request, reply, undefined, id).then((how) => {
    if (how === 'done' || reply.done) return;
    if (how === 'refused') reply.refuse(id, hubError('QM_QUESTION_EXPIRED'));
    else reply.refuse(id, hubError(how === 'lost' ? 'QM_REPLICA_LOST' : 'QM_REPLICA_UNREACHABLE'));
  });
}

/** Sent by the replica that has the session now, about what is still done here. */
export function isForPrevious({ accepts, headers }: EdgeRequest): boolean {
  return accepts !== undefined && headers[previousHeader] !== undefined;
}

/** About what may still be done where the session was before. `nobody`: it is not, or cannot be asked. */
export function relayToPrevious(
  edge: HubEdge,
  { previous }: LegacySession,
  request: EdgeRequest,
  reply: HttpReply,
  nobody: () => void,
): void {
  const { peers } = edge.deps;
  if (peers === undefined || previous === undefined || isForPrevious(request)) {
    nobody();
    return;
  }
  edge.deps.observer.count('peerForwards', edge.key);
  void send(edge, peers, previous, request, reply, undefined, undefined, true).then((how) => {
    if (how !== 'done' && !reply.done) nobody();
  });
}

/** What changed between two replicas was told to nobody. */
async function subscribeAgain(edge: HubEdge, session: LegacySession, uri: string): Promise<void> {
  for (const pauseMs of [...subscribePausesMs, undefined]) {
    if ((await subscribe(edge, session, uri)) === undefined) {
      session.notify(updatedNotification(uri));
      return;
    }
    if (pauseMs === undefined) break;
    // It stays one of the session's: what is copied meanwhile names it, and the client may give it up.
    const place = session.subscriptions.reserve(uri);
    await new Promise<void>((resolve) => void edge.deps.clock.after(pauseMs, resolve));
    if (session.closed || !session.subscriptions.has(uri)) return;
    place.drop();
  }
  // Nobody tells of it any more, and that is said in the only way there is.
  session.notify(notificationRaw('notifications/resources/list_changed', emptyObject));
}

function send(
  edge: HubEdge,
  peers: PeerRouter,
  peer: string,
  request: EdgeRequest,
  reply: HttpReply,
  session: AbsentSession | undefined,
  id: RawJson | undefined,
  previous = false,
): Promise<ForwardEnd> {
  return new Promise((resolve) => {
    const pipe = new Pipe(edge, reply, request, id, resolve);
    const { method = 'POST', url = '', rawHeaders } = request;
    const [path = ''] = url.split('?', 1);
    pipe.forwarding = peers.forward(peer, { session, previous, method, path, rawHeaders, body: request.body }, pipe);
  });
}

const eventEnd = 0x0a;

/** The answer of another replica on its way to the client. */
class Pipe implements ForwardSink, ReplyOwner {
  forwarding: Forwarding | undefined;
  readonly #edge: HubEdge;
  readonly #reply: HttpReply;
  readonly #id: RawJson | undefined;
  readonly #resolve: (how: ForwardEnd) => void;
  /** A GET stream counts like one of this replica's own. */
  readonly #isStream: boolean;
  #response: EdgeResponse | undefined;
  #events = false;
  /** The last two bytes: between two events both are line feeds. */
  #last = eventEnd;
  #lastButOne = eventEnd;
  #over = false;

  constructor(
    edge: HubEdge,
    reply: HttpReply,
    request: EdgeRequest,
    id: RawJson | undefined,
    resolve: (how: ForwardEnd) => void,
  ) {
    this.#edge = edge;
    this.#reply = reply;
    this.#id = id;
    this.#resolve = resolve;
    this.#isStream = request.method === 'GET';
    if (this.#isStream) edge.streams++;
    else edge.forwards++;
    reply.owner = this;
  }

  head(status: number, headers: string[]): void {
    const response = this.#reply.handOver(this);
    this.#response = response;
    this.#events = headers.some((one, at) => at % 2 === 1 && one.startsWith('text/event-stream'));
    response.on('drain', () => this.forwarding?.resume());
    response.writeHead(status, headers);
    if (this.#events) response.flushHeaders();
  }

  data(chunk: Buffer): boolean {
    const { length } = chunk;
    this.#lastButOne = length > 1 ? (chunk[length - 2] ?? 0) : this.#last;
    this.#last = chunk[length - 1] ?? 0;
    return this.#response?.write(chunk) ?? true;
  }

  end(how: ForwardEnd): void {
    this.#leave();
    const response = this.#response;
    if (response === undefined) {
      this.#resolve(how);
      return;
    }
    if (how === 'done') response.end();
    else if (this.#events && this.#id !== undefined && this.#betweenEvents()) {
      const { code, message, data } = hubError('QM_REPLICA_LOST');
      response.end(sseEvent(errorRaw(this.#id, code, message, data)), 'latin1');
    } else if (this.#events && this.#id === undefined && this.#betweenEvents()) response.end();
    else response.destroy();
    this.#resolve('done');
  }

  /** The client went away before the answer began. */
  clientGone(): void {
    this.forwarding?.cancel();
  }

  /** The client went away while it was answered. */
  closed(): void {
    if (!this.#over) this.forwarding?.cancel();
  }

  #betweenEvents(): boolean {
    return this.#last === eventEnd && this.#lastButOne === eventEnd;
  }

  #leave(): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#isStream) this.#edge.streams--;
    else this.#edge.forwards--;
  }
}
