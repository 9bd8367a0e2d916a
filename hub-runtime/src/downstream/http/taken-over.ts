/**
 * A session goes on here that was elsewhere, or in a life of this process before: with what the replicas know of it, and what a store has kept.
 */
import { anonymous, hubError } from '../../exchange/index.ts';
import {
  type AbsentSession,
  LegacySession,
  type Placement,
  type SessionBodies,
  type SessionMirror,
} from '../../session/index.ts';
import { emptyObject, notificationRaw, type RawJson } from '../../wire/index.ts';
import type { HubEdge } from '../hub-edge.ts';
import { subscribe, updatedNotification } from '../subscribe.ts';
import type { EdgeRequest } from './edge-messages.ts';
import type { HttpReply } from './http-reply.ts';

/** A server that does not take a subscription at once may only be starting. */
const subscribePausesMs = [250, 1_000, 4_000, 15_000];

/** With what a store has kept of it. What comes from where it was until now is newer than that. */
export async function withBody(
  edge: HubEdge,
  id: string,
  { mirror, from }: Extract<Placement, { kind: 'here' }>,
): Promise<SessionMirror | 'ended' | undefined> {
  if (from !== undefined || edge.sessions.held(id) !== undefined) return mirror;
  const body = await edge.bodies?.load(id);
  if (body === undefined || body === 'ended' || mirror === undefined) return body ?? mirror;
  const streams = [...(mirror.streams ?? []), ...(body.streams ?? [])];
  return { ...mirror, ...(streams.length === 0 ? {} : { streams }) };
}

/**
 * Where there are no other replicas: one that is not held here may be kept by the store, from a life of this process before. Else it is over.
 */
export function recall(
  edge: HubEdge,
  bodies: SessionBodies,
  request: EdgeRequest,
  reply: HttpReply,
  absent: AbsentSession,
  id: RawJson | undefined,
): void {
  void bodies.load(absent.id).then((body) => {
    if (reply.done) return;
    const isNew = edge.sessions.held(absent.id) === undefined;
    const session =
      body === undefined || body === 'ended' || request.relayed ? 'lost' : edge.sessions.adopt(absent, anonymous, body);
    if (session instanceof LegacySession) {
      if (isNew) goesOn(edge, session, body as SessionMirror);
      request.relayed = true;
      request.again?.();
    } else if (session === 'full') {
      const limit = edge.port.graph.config.limits.sessions;
      reply.refuse(id, hubError('QM_OVERLOADED', { limit, what: 'sessions' }), 'sessions');
    } else reply.refuse(id, hubError('QM_SESSION_NOT_FOUND', { reason: 'it has ended' }));
  });
}

/** It was taken over just now. */
export function goesOn(edge: HubEdge, session: LegacySession, mirror: SessionMirror | undefined): void {
  for (const uri of mirror?.subscriptions ?? []) void subscribeAgain(edge, session, uri);
  edge.changed(session);
  edge.deps.observer.count('sessionsAdopted', edge.key);
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
