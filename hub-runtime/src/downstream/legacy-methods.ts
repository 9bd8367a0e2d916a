/**
 * What the hub itself answers to legacy clients (2024-11-05 .. 2025-11-25), whatever the transport: initialize, ping,
 * logging/setLevel, cancellation. Everything else becomes a call.
 */
import { anonymous, type ErrorOutcome, hubError, protocolError } from '../exchange/index.ts';
import type { LegacySession, NewSession } from '../session/index.ts';
import {
  emptyObject,
  idKey,
  latestLegacyRevision,
  legacyRevisions,
  memberRaw,
  memberString,
  type RawJson,
  type RequestMeta,
  resultRaw,
  rpcCode,
  type ScannedMessage,
  traceMembers,
} from '../wire/index.ts';
import { startCall } from './call.ts';
import { isSpecNotification } from './client-notifications.ts';
import type { HubEdge } from './hub-edge.ts';
import { isLogLevel } from './log-level.ts';
import type { HttpHeaders } from './modern-methods.ts';
import { refuse } from './refuse.ts';
import type { ReplySink } from './reply-sink.ts';
import { serveSubscribe, serveUnsubscribe } from './subscribe.ts';

export function isErrorOutcome(value: NewSession | ErrorOutcome): value is ErrorOutcome {
  return 'kind' in value;
}

/** What `initialize` agrees on. A version the hub does not know is answered with its own latest (lifecycle, version negotiation). */
export function negotiate(message: ScannedMessage): NewSession | ErrorOutcome {
  const requested = memberString(message.params, 'protocolVersion');
  if (requested === undefined) return protocolError(rpcCode.invalidParams, 'params.protocolVersion must be a string');
  const capabilities = memberRaw(message.params, 'capabilities');
  if (capabilities !== undefined && capabilities.charCodeAt(0) !== 123)
    return protocolError(rpcCode.invalidParams, 'params.capabilities must be an object');
  return {
    principal: anonymous,
    revision: legacyRevisions.find((revision) => revision === requested) ?? latestLegacyRevision,
    capabilities: capabilities ?? emptyObject,
    clientInfo: memberRaw(message.params, 'clientInfo'),
  };
}

export function initializeResult(edge: HubEdge, revision: string): RawJson {
  const { catalog } = edge.port.graph;
  const instructions = catalog.instructions === undefined ? '' : `,"instructions":${catalog.instructions}`;
  const capabilities = catalog.capabilities('legacy');
  return `{"protocolVersion":"${revision}","capabilities":${capabilities},"serverInfo":${edge.hubInfo}${instructions}}` as RawJson;
}

/** A request inside a session. */
export function serveLegacyRequest(
  edge: HubEdge,
  session: LegacySession,
  sink: ReplySink,
  message: ScannedMessage,
  meta: RequestMeta,
  headers?: HttpHeaders,
): void {
  const id = message.id as RawJson;
  switch (message.method) {
    case 'ping':
      sink.answer(resultRaw(id, emptyObject), 200);
      return;
    case 'logging/setLevel': {
      const level = memberString(message.params, 'level');
      if (level === undefined || !isLogLevel(level)) {
        refuse(edge, sink, id, protocolError(rpcCode.invalidParams, 'params.level is not a log level'));
        return;
      }
      session.logLevel = level;
      edge.port.logLevelChanged?.(session.caller, level);
      edge.changedBefore(session, () => sink.answer(resultRaw(id, emptyObject), 200));
      return;
    }
    case 'resources/subscribe':
      serveSubscribe(edge, session, sink, message);
      return;
    case 'resources/unsubscribe':
      serveUnsubscribe(edge, session, sink, message);
      return;
    case 'initialize':
      refuse(edge, sink, id, hubError('QM_BAD_MESSAGE', { reason: 'this session is initialized already' }));
      return;
    default:
      startCall(edge, sink, {
        id,
        message,
        meta,
        caller: session.caller,
        graph: edge.port.graph,
        scope: session,
        session,
        logLevel: session.logLevel,
        paramHeaders: undefined,
        trace: headers?.['traceparent'] === undefined ? undefined : traceMembers(headers),
      });
  }
}

/** A notification inside a session. Never answered. */
export function serveLegacyNotification(edge: HubEdge, session: LegacySession, message: ScannedMessage): void {
  if (message.method === 'notifications/cancelled') {
    const id = memberRaw(message.params, 'requestId');
    if (id === undefined) return;
    const key = idKey(id);
    const call = session.calls.get(key);
    if (call !== undefined) {
      call.cancellation.cancel('client-cancelled');
      return;
    }
    if (session.previous !== undefined) edge.deps.peers?.cancel(session, key);
    session.early.came(key);
  } else if (message.method === 'notifications/roots/list_changed') edge.port.rootsChanged?.(session.caller);
  else if (!isSpecNotification(message.method)) edge.port.notify?.(message.method, message.params, session.caller);
}
