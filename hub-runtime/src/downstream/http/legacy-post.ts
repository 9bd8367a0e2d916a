/**
 * Legacy messages over HTTP: sessions and their HTTP statuses (2025-11-25 transports).
 *
 * initialize opens a session and is the only answer that carries Mcp-Session-Id; everything else needs it: 400 when missing, 404 when the
 * session is over or not this client's. A missing MCP-Protocol-Version means 2025-03-26, an unknown one is 400.
 */
import { anonymous, type ErrorOutcome, hubError } from '../../exchange/index.ts';
import { LegacySession } from '../../session/index.ts';
import {
  legacyRevisions,
  type RequestMeta,
  resultRaw,
  type RawJson,
  type ScannedMessage,
  trimOws,
  unsupportedVersion,
} from '../../wire/index.ts';
import { isBatchRefusal, readBatch, serveBatch } from '../batch.ts';
import { classifyError } from '../fault-error.ts';
import type { HubEdge } from '../hub-edge.ts';
import {
  initializeResult,
  isErrorOutcome,
  negotiate,
  serveLegacyNotification,
  serveLegacyRequest,
} from '../legacy-methods.ts';
import type { EdgeRequest } from './edge-messages.ts';
import type { HttpReply } from './http-reply.ts';
import { isForPrevious, relay, relayToPrevious } from './relay.ts';
import { recall } from './taken-over.ts';

export function serveLegacyPost(
  edge: HubEdge,
  request: EdgeRequest,
  reply: HttpReply,
  message: ScannedMessage,
  meta: RequestMeta,
): void {
  const refusal = revisionFault(request);
  if (refusal !== undefined) {
    reply.refuse(message.id, refusal);
    return;
  }
  if (message.kind === 'request' && message.method === 'initialize') {
    openSession(edge, reply, message);
    return;
  }
  const session = sessionOf(edge, request, reply, message.id);
  if (session === undefined) return;
  if (message.kind === 'request') {
    reply.within(session, message.id);
    serveLegacyRequest(edge, session, reply, message, meta, request.headers);
    return;
  }
  if (message.kind === 'notification') serveLegacyNotification(edge, session, message);
  else if (!session.answered(message) && isAskedElsewhere(edge, message)) {
    relayToPrevious(edge, session, request, reply, () => reply.refuse(undefined, expired()));
    return;
  }
  // What answers nothing any more is taken and forgotten.
  reply.accepted(202);
}

/** An answer to a question that this replica has not asked. */
function isAskedElsewhere(edge: HubEdge, { id }: ScannedMessage): boolean {
  return id !== undefined && id.startsWith('"qm-') && !id.startsWith(`"${edge.asking.prefix}`);
}

/** Not 404, nor 200: the session goes on, and the answer was not taken (2025-11-25 transports, sending messages). */
function expired(): ErrorOutcome {
  return { ...hubError('QM_QUESTION_EXPIRED'), httpStatus: 400 };
}

/** What a hub that serves only 2026-07-28 says to legacy messages: the versions it has, so that a client can tell. */
export function refuseLegacy(reply: HttpReply, message: ScannedMessage, requested: string | undefined): void {
  if (message.kind === 'notification') {
    reply.accepted(202);
    return;
  }
  if (message.kind === 'response') {
    reply.refuse(undefined, hubError('QM_BAD_MESSAGE', { reason: 'responses are not posted in 2026-07-28' }));
    return;
  }
  reply.refuse(message.id, classifyError(unsupportedVersion(requested)));
}

/** A POSTed array. */
export function serveLegacyBatch(edge: HubEdge, request: EdgeRequest, reply: HttpReply, raw: RawJson): void {
  const elements = readBatch(edge, raw, headerRevision(request));
  if (isBatchRefusal(elements)) {
    reply.refuse(undefined, elements.error, elements.limit);
    return;
  }
  const session = sessionOf(edge, request, reply, undefined);
  if (session === undefined) return;
  reply.within(session);
  if (elements.every((one): one is ScannedMessage => one.kind === 'response'))
    answersOnly(edge, session, request, reply, elements);
  else if (!serveBatch(edge, session, reply, elements)) reply.accepted(202);
}

/** Those that were asked elsewhere go there; those of here are answered by then. */
function answersOnly(
  edge: HubEdge,
  session: LegacySession,
  request: EdgeRequest,
  reply: HttpReply,
  elements: readonly ScannedMessage[],
): void {
  const unknown = elements.filter((one) => !session.answered(one));
  if (!unknown.some((one) => isAskedElsewhere(edge, one))) reply.accepted(202);
  else relayToPrevious(edge, session, request, reply, () => reply.refuse(undefined, expired()));
}

/** The session a request belongs to; undefined when there is none here: the request is refused, or served by another replica. */
export function sessionOf(
  edge: HubEdge,
  request: EdgeRequest,
  reply: HttpReply,
  id: RawJson | undefined,
): LegacySession | undefined {
  const token = request.headers['mcp-session-id'];
  if (typeof token !== 'string') {
    reply.refuse(id, hubError('QM_SESSION_REQUIRED'));
    return undefined;
  }
  const found = edge.sessions.find(token, anonymous);
  if (found instanceof LegacySession) return found;
  const { peers } = edge.deps;
  if (found !== 'foreign' && peers !== undefined) {
    if (isForPrevious(request)) {
      const left = edge.sessions.released(found.id);
      if (left === undefined) reply.accepted(421);
      return left;
    }
    relay(edge, peers, request, reply, found, id);
    return undefined;
  }
  const { bodies } = edge;
  if (found !== 'foreign' && peers === undefined && bodies !== undefined) {
    recall(edge, bodies, request, reply, found, id);
    return undefined;
  }
  const reason = found === 'foreign' ? 'it was not given out here' : 'it has ended';
  reply.refuse(id, hubError('QM_SESSION_NOT_FOUND', { reason }));
  return undefined;
}

/** The revision a legacy message speaks by its header. */
function headerRevision(request: EdgeRequest): string | undefined {
  const header = request.headers['mcp-protocol-version'];
  return header === undefined ? undefined : trimOws(String(header));
}

export function revisionFault(request: EdgeRequest): ErrorOutcome | undefined {
  const revision = headerRevision(request);
  if (revision === undefined || legacyRevisions.some((known) => known === revision)) return undefined;
  return hubError('QM_BAD_MESSAGE', { reason: 'the MCP-Protocol-Version header names no version served here' });
}

function openSession(edge: HubEdge, reply: HttpReply, message: ScannedMessage): void {
  const wanted = negotiate(message);
  if (isErrorOutcome(wanted)) {
    reply.refuse(message.id, wanted);
    return;
  }
  const session = edge.sessions.create(wanted);
  if (session === undefined) {
    const limit = edge.port.graph.config.limits.sessions;
    reply.refuse(message.id, hubError('QM_OVERLOADED', { limit, what: 'sessions' }), 'sessions');
    return;
  }
  edge.changedBefore(session, () => {
    reply.addHead(['Mcp-Session-Id', session.token]);
    reply.answer(resultRaw(message.id as RawJson, initializeResult(edge, session.caller.revision)), 200);
  });
}
