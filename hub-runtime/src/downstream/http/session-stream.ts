/**
 * GET and DELETE on a hub path: the legacy session's own stream, and its end.
 *
 * Several GET streams per session are allowed, each message goes to exactly one of them (session/legacy-session.ts). With Last-Event-ID a
 * stream goes on where its connection broke, the session's own or that of an answer.
 */
import { hubError } from '../../exchange/index.ts';
import type { LegacySession, ReplayStream, SessionStream } from '../../session/index.ts';
import type { RawJson } from '../../wire/index.ts';
import type { HubEdge } from '../hub-edge.ts';
import { allListChanges } from '../list-changes.ts';
import { updatedNotification } from '../subscribe.ts';
import { acceptOf } from './accept.ts';
import type { Head } from './answer-headers.ts';
import type { EdgeRequest, EdgeResponse } from './edge-messages.ts';
import { EventStream } from './event-stream.ts';
import { HttpReply, knowsPrimers } from './http-reply.ts';
import { revisionFault, sessionOf } from './legacy-post.ts';
import { isForPrevious, relayToPrevious } from './relay.ts';

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
  const { 'last-event-id': last } = request.headers;
  const found = typeof last === 'string' && last !== '' ? session.replay.find(last) : undefined;
  if (found?.stream.kind === 'post') {
    const { stream, seq } = found;
    response.watcher = new ResumedAnswer(edge, session, response, cors, stream, seq);
  } else if (found === undefined && last !== undefined && /^p[0-9]+[.-]/.test(String(last))) {
    answerElsewhere(edge, session, request, reply);
  } else {
    if (last !== undefined && found?.stream.lacks(found.seq) !== false) session.missedChanges = true;
    response.watcher = new GetStream(edge, session, response, cors, found);
  }
}

const lookMs = 100;
const mostLooks = 20;

/** An answer that the replica before this one may still be working on; when it has just finished it is on its way here. */
function answerElsewhere(edge: HubEdge, session: LegacySession, request: EdgeRequest, reply: HttpReply): void {
  const last = String(request.headers['last-event-id']);
  let looks = session.previous === undefined || isForPrevious(request) ? mostLooks : 0;
  const look = (): void => {
    if (reply.done) return;
    if (session.replay.find(last) !== undefined) request.again?.();
    else if (looks++ < mostLooks) edge.deps.clock.after(lookMs, look);
    else {
      const reason = 'the stream of this Last-Event-ID cannot be resumed any more';
      reply.refuse(undefined, hubError('QM_BAD_MESSAGE', { reason }));
    }
  };
  relayToPrevious(edge, session, request, reply, look);
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

type Found = ReturnType<LegacySession['replay']['find']>;

class GetStream implements SessionStream {
  readonly #edge: HubEdge;
  readonly #session: LegacySession;
  readonly #carrier: EventStream;
  readonly #stream: ReplayStream;
  #open = true;

  /** `found`: what it resumes. */
  constructor(edge: HubEdge, session: LegacySession, response: EdgeResponse, cors: Head, found: Found) {
    this.#edge = edge;
    this.#session = session;
    this.#stream = found?.stream ?? session.replay.open('get');
    const primer = found === undefined && knowsPrimers(session) ? this.#stream.firstId : undefined;
    this.#carrier = new EventStream(edge, response, cors, primer);
    this.#carrier.flush();
    edge.streams++;
    session.attach(this);
    this.#stream.carry(this.#carrier, found?.seq ?? 0);
    if (!session.missedChanges) return;
    session.missedChanges = false;
    for (const message of allListChanges) this.send(message);
    for (const uri of session.subscriptions.uris) this.send(updatedNotification(uri));
  }

  send(message: RawJson): boolean {
    return this.#open && this.#stream.send(message);
  }

  close(): void {
    this.#leave();
    this.#stream.end();
  }

  /** The client closed it, or it was cut: it may come back. */
  closed(): void {
    this.#carrier.lost();
    this.#stream.lost(this.#carrier);
    this.#leave();
  }

  #leave(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#edge.streams--;
    this.#session.detach(this);
  }
}

/** The rest of an answer whose connection was lost. */
class ResumedAnswer {
  readonly #edge: HubEdge;
  readonly #carrier: EventStream;
  readonly #stream: ReplayStream;

  constructor(
    edge: HubEdge,
    session: LegacySession,
    response: EdgeResponse,
    cors: Head,
    stream: ReplayStream,
    seq: number,
  ) {
    this.#edge = edge;
    this.#stream = stream;
    this.#carrier = new EventStream(edge, response, cors);
    edge.streams++;
    session.lastUsedMs = edge.deps.clock.monotonic();
    if (!stream.isOver) this.#carrier.flush();
    stream.carry(this.#carrier, seq);
  }

  closed(): void {
    this.#carrier.lost();
    this.#stream.lost(this.#carrier);
    this.#edge.streams--;
  }
}
