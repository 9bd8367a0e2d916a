/**
 * What the hub itself answers to modern clients (2026-07-28), whatever the transport: server/discover, subscriptions/listen, and the
 * methods that revision removed. Everything else becomes a call. The envelope has been checked by then (wire/classify.ts).
 */
import { anonymous, type Caller, hubError, protocolError } from '../exchange/index.ts';
import {
  emptyObject,
  idKey,
  memberRaw,
  metaKey,
  modernRevision,
  paramHeaderFault,
  type RawJson,
  type RequestMeta,
  resultRaw,
  rpcCode,
  type ScannedMessage,
  memberString,
  traceMembers,
} from '../wire/index.ts';
import { type CallScope, startCall } from './call.ts';
import { isSpecNotification } from './client-notifications.ts';
import type { HubEdge } from './hub-edge.ts';
import { listen, type Listener } from './listen.ts';
import { refuse } from './refuse.ts';
import type { ReplySink } from './reply-sink.ts';

/** The requests of one pipe, which names them to cancel them. */
export interface PipeScope extends CallScope {
  readonly listening: Map<string, Listener>;
}

export type HttpHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** Servers come and go behind a hub and no notification says so of its capabilities: a client may keep them for seconds only. */
const discoverTtlMs = 5000;

export function serveModernRequest(
  edge: HubEdge,
  sink: ReplySink,
  message: ScannedMessage,
  meta: RequestMeta,
  pipe: PipeScope | undefined,
  headers: HttpHeaders | undefined,
): void {
  const id = message.id as RawJson;
  switch (message.method) {
    case 'server/discover':
      sink.answer(resultRaw(id, discoverResult(edge)), 200);
      return;
    case 'subscriptions/listen':
      serveListen(edge, sink, message, modernCaller(meta, sink.connection), pipe);
      return;
    case 'initialize':
    case 'ping':
    case 'logging/setLevel':
    case 'resources/subscribe':
    case 'resources/unsubscribe':
      refuse(edge, sink, id, protocolError(rpcCode.methodNotFound, 'this method does not exist in 2026-07-28', 404));
      return;
    default:
      serveCall(edge, sink, message, meta, pipe, headers);
  }
}

function serveCall(
  edge: HubEdge,
  sink: ReplySink,
  message: ScannedMessage,
  meta: RequestMeta,
  pipe: PipeScope | undefined,
  headers: HttpHeaders | undefined,
): void {
  const graph = edge.port.graph;
  let paramHeaders: Readonly<Record<string, string>> | undefined;
  if (headers !== undefined && message.method === 'tools/call') {
    const declared = graph.catalog.tool(memberString(message.params, 'name') ?? '')?.paramHeaders;
    const fault =
      declared === undefined ? undefined : paramHeaderFault(declared, memberRaw(message.params, 'arguments'), headers);
    if (fault !== undefined) {
      refuse(edge, sink, message.id, hubError('QM_HEADER_MISMATCH', { reason: fault }));
      return;
    }
    paramHeaders = paramHeadersIn(headers);
  }
  startCall(edge, sink, {
    id: message.id as RawJson,
    message,
    meta,
    caller: modernCaller(meta, sink.connection),
    graph,
    scope: pipe,
    logLevel: meta.logLevel?.slice(1, -1),
    paramHeaders,
    trace: headers?.['traceparent'] === undefined ? undefined : traceMembers(headers),
  });
}

function modernCaller(meta: RequestMeta, connection?: object): Caller {
  return {
    era: 'modern',
    revision: modernRevision,
    principal: anonymous,
    session: undefined,
    capabilities: meta.clientCapabilities ?? emptyObject,
    clientInfo: meta.clientInfo,
    connection,
  };
}

/** A notification. Only a pipe can cancel by one: over HTTP the client closes the response instead. */
export function serveModernNotification(
  edge: HubEdge,
  message: ScannedMessage,
  meta: RequestMeta,
  pipe: PipeScope | undefined,
): void {
  if (message.method !== 'notifications/cancelled') {
    if (!isSpecNotification(message.method)) edge.port.notify?.(message.method, message.params, modernCaller(meta));
    return;
  }
  const id = memberRaw(message.params, 'requestId');
  if (pipe === undefined || id === undefined) return;
  const key = idKey(id);
  pipe.calls.get(key)?.cancellation.cancel('client-cancelled');
  pipe.listening.get(key)?.cancel();
}

function serveListen(
  edge: HubEdge,
  sink: ReplySink,
  message: ScannedMessage,
  caller: Caller,
  pipe: PipeScope | undefined,
): void {
  if (pipe === undefined) {
    listen(edge, sink, message, caller, () => {});
    return;
  }
  const key = idKey(message.id as RawJson);
  if (pipe.listening.has(key) || pipe.calls.has(key)) {
    refuse(edge, sink, message.id, hubError('QM_DUPLICATE_ID'));
    return;
  }
  const listening = listen(edge, sink, message, caller, () => pipe.listening.delete(key));
  if (listening !== undefined) pipe.listening.set(key, listening);
}

function discoverResult(edge: HubEdge): RawJson {
  const { catalog } = edge.port.graph;
  const instructions = catalog.instructions === undefined ? '' : `,"instructions":${catalog.instructions}`;
  return (`{"resultType":"complete","supportedVersions":["${modernRevision}"],"capabilities":${catalog.capabilities('modern')}` +
    `${instructions},"ttlMs":${discoverTtlMs},"cacheScope":"public","_meta":{"${metaKey.serverInfo}":${edge.hubInfo}}}`) as RawJson;
}

/** Most requests have none: then nothing is made. */
function paramHeadersIn(headers: HttpHeaders): Readonly<Record<string, string>> | undefined {
  let found: Record<string, string> | undefined;
  for (const name in headers)
    if (name.startsWith('mcp-param-'))
      (found ??= Object.create(null) as Record<string, string>)[name] = String(headers[name]);
  return found;
}
