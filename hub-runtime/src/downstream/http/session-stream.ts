/**
 * GET and DELETE on a hub path: the legacy session's own stream, and its end.
 *
 * Several GET streams per session are allowed, each message goes to exactly one of them (session/legacy-session.ts).
 */
import { hubError } from '../../exchange/index.ts';
import type { LegacySession, SessionStream } from '../../session/index.ts';
import type { RawJson } from '../../wire/index.ts';
import type { HubEdge } from '../hub-edge.ts';
import { allListChanges } from '../list-changes.ts';
import { acceptOf } from './accept.ts';
import type { Head } from './answer-headers.ts';
import type { EdgeRequest, EdgeResponse } from './edge-messages.ts';
import { EventStream } from './event-stream.ts';
import { HttpReply } from './http-reply.ts';
import { revisionFault, sessionOf } from './legacy-post.ts';

const jsonOnly = { json: true, events: false };

export function openSessionStream(edge: HubEdge, request: EdgeRequest, response: EdgeResponse, cors: Head): void {
  const reply = new HttpReply(edge, response, jsonOnly, cors);
  if (!acceptOf(request.headers.accept).events) {
    reply.refuse(undefined, hubError('QM_NOT_ACCEPTABLE', { wanted: 'text/event-stream' }));
    return;
  }
  const limit = edge.port.graph.config.limits.streams;
  if (edge.streams >= limit) {
    reply.refuse(undefined, hubError('QM_OVERLOADED', { limit, what: 'open streams' }), 'streams');
    return;
  }
  request.again = () => openSessionStream(edge, request, response, cors);
  const session = sessionFor(edge, request, reply);
  if (session === undefined) return;
  response.watcher = new GetStream(edge, session, response, cors);
}

export function endSession(edge: HubEdge, request: EdgeRequest, response: EdgeResponse, cors: Head): void {
  const reply = new HttpReply(edge, response, jsonOnly, cors);
  request.again = () => endSession(edge, request, response, cors);
  const session = sessionFor(edge, request, reply);
  if (session === undefined) return;
  edge.sessions.end(session);
  reply.accepted(204);
}

function sessionFor(edge: HubEdge, request: EdgeRequest, reply: HttpReply): LegacySession | undefined {
  const fault = edge.draining && request.accepts === undefined ? hubError('QM_SHUTTING_DOWN') : revisionFault(request);
  if (fault === undefined) return sessionOf(edge, request, reply, undefined);
  reply.refuse(undefined, fault);
  return undefined;
}

class GetStream implements SessionStream {
  readonly #edge: HubEdge;
  readonly #session: LegacySession;
  readonly #stream: EventStream;
  #open = true;

  constructor(edge: HubEdge, session: LegacySession, response: EdgeResponse, cors: Head) {
    this.#edge = edge;
    this.#session = session;
    this.#stream = new EventStream(edge, response, cors);
    this.#stream.flush();
    edge.streams++;
    session.attach(this);
    if (!session.missedChanges) return;
    session.missedChanges = false;
    for (const message of allListChanges) this.#stream.send(message);
  }

  send(message: RawJson): boolean {
    return this.#stream.send(message);
  }

  close(): void {
    this.#leave();
    this.#stream.end();
  }

  /** The client closed it, or it was cut. */
  closed(): void {
    this.#stream.lost();
    this.#leave();
  }

  #leave(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#edge.streams--;
    this.#session.detach(this);
  }
}
