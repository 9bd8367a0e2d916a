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
  holderHeader,
  LegacySession,
  type PeerRouter,
  previousHeader,
} from '../../session/index.ts';
import type { RawJson } from '../../wire/index.ts';
import type { HubEdge } from '../hub-edge.ts';
import type { EdgeRequest } from './edge-messages.ts';
import { sendOn } from './forwarded-answer.ts';
import type { HttpReply } from './http-reply.ts';
import { goesOn, withBody } from './taken-over.ts';

/** Who a request may be sent to, one after the other, before the client is told to come again. */
const mostAttempts = 4;
/** Before somebody who did not answer is asked again, and for how long: by then it has answered or counts as gone. */
const againMs = 250;
const patienceMs = 12_000;
/** A session is copied within some tens of milliseconds of its beginning, unless there is nobody to copy it to. */
const copiedMs = 5_000;

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
        const mirror = await withBody(edge, absent.id, placement);
        if (reply.done) return;
        if (mirror === 'ended') {
          reply.refuse(id, hubError('QM_SESSION_NOT_FOUND', { reason: 'it has ended' }));
          return;
        }
        if (mirror === undefined && mayHaveHadMore(edge, absent)) {
          const reason = 'what it had subscribed to was lost with its replicas';
          reply.refuse(id, hubError('QM_SESSION_NOT_FOUND', { reason }));
          return;
        }
        // Requests that came at the same time have waited for the same answer: the first of them took it over.
        const isNew = edge.sessions.held(absent.id) === undefined;
        const session = edge.sessions.adopt(absent, anonymous, mirror);
        if (session instanceof LegacySession) {
          if (isNew) {
            session.previous = placement.from;
            goesOn(edge, session, mirror);
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
        const how = await sendOn(edge, peers, placement.peer, request, reply, absent, id);
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
  void sendOn(edge, peers, owner, request, reply, undefined, id).then((how) => {
    if (how === 'done' || reply.done) return;
    if (how === 'refused') reply.refuse(id, hubError('QM_QUESTION_EXPIRED'));
    else reply.refuse(id, hubError(how === 'lost' ? 'QM_REPLICA_LOST' : 'QM_REPLICA_UNREACHABLE'));
  });
}

/**
 * Nobody has a copy, long after the first must have arrived: its client may wait for news of resources that nobody would tell it. It hears that
 * its session is over, where the hub has such news.
 */
function mayHaveHadMore(edge: HubEdge, { id, issuedMs }: AbsentSession): boolean {
  const { clock } = edge.deps;
  return (
    edge.sessions.held(id) === undefined &&
    clock.now() - issuedMs > copiedMs &&
    edge.port.graph.catalog.capabilities('legacy').includes('"subscribe":true')
  );
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
  void sendOn(edge, peers, previous, request, reply, undefined, undefined, true).then((how) => {
    if (how !== 'done' && !reply.done) nobody();
  });
}
