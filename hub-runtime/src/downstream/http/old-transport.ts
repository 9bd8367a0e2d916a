/**
 * HTTP+SSE (2024-11-05) toward clients, where the hub's manifest says so: `GET <path>/sse` opens a stream, `POST <path>/messages?sessionId=` is
 * where its client posts to.
 *
 * The POST is looked at as every other one is (type, size, time, JSON) and refused by its HTTP status; what is accepted is answered on the
 * stream. A POST that comes to another replica than the stream is sent on to it.
 */
import { isUtf8 } from 'node:buffer';

import { hubError } from '../../exchange/index.ts';
import { rawFromBytes, scanMessage } from '../../wire/index.ts';
import { faultError } from '../fault-error.ts';
import { acceptOf } from './accept.ts';
import type { Head } from './answer-headers.ts';
import { answerOptions } from './cors.ts';
import type { EdgeRequest, EdgeResponse } from './edge-messages.ts';
import { sendOn } from './forwarded-answer.ts';
import { HttpReply } from './http-reply.ts';
import { receivePost } from './post.ts';
import type { HubEdge } from '../hub-edge.ts';
import { agreedBefore, OldClient, replicaOf } from './old-client.ts';

/** The last part of the path that was asked for. */
export type OldPart = 'sse' | 'messages';

/** How a replica passes on what stood in the query: a query travels nowhere. */
const sentHeader = 'mcp-session-id';
const jsonOnly = { json: true, events: false };

export function isOldTransportServed({ port }: HubEdge): boolean {
  const { transports, eras } = port.graph.config;
  return transports?.sse === true && eras.includes('legacy');
}

export function serveOldTransport(
  edge: HubEdge,
  part: OldPart,
  request: EdgeRequest,
  response: EdgeResponse,
  cors: Head,
): void {
  const method = part === 'sse' ? 'GET' : 'POST';
  if (request.method === 'OPTIONS') answerOptions(request, response, cors, method);
  else if (request.method !== method) {
    // What tells a client that knows both transports which of them this is.
    const reply = new HttpReply(edge, response, jsonOnly, [...cors, 'Allow', method]);
    reply.refuse(undefined, hubError('QM_METHOD_NOT_ALLOWED', { allow: method }));
  } else if (part === 'sse') openStream(edge, request, response, cors);
  else {
    request.serve = receiveMessage;
    receivePost(edge, request, response, cors);
  }
}

function openStream(edge: HubEdge, request: EdgeRequest, response: EdgeResponse, cors: Head): void {
  const reply = new HttpReply(edge, response, jsonOnly, cors);
  const limit = edge.port.graph.config.limits.streams;
  if (edge.draining) {
    reply.addHead(['Connection', 'close']);
    reply.refuse(undefined, hubError('QM_SHUTTING_DOWN'));
  } else if (!acceptOf(request.headers.accept).events)
    reply.refuse(undefined, hubError('QM_NOT_ACCEPTABLE', { wanted: 'text/event-stream' }));
  else if (edge.streams >= limit)
    reply.refuse(undefined, hubError('QM_OVERLOADED', { limit, what: 'open streams' }), 'streams');
  else {
    const [path = ''] = (request.url ?? '').split('?', 1);
    const { 'last-event-id': last, 'mcp-protocol-version': revision } = request.headers;
    const resumed = agreedBefore(edge, last, revision);
    // oxlint-disable-next-line no-new
    new OldClient(edge, response, cors, `${path.slice(0, -'sse'.length)}messages`, resumed);
  }
}

function receiveMessage(edge: HubEdge, request: EdgeRequest, reply: HttpReply, bytes: Buffer): void {
  const token = tokenOf(request);
  const known = token === undefined ? undefined : edge.oldClients.get(token);
  if (known === undefined) {
    elsewhere(edge, request, reply, token);
    return;
  }
  if (!isUtf8(bytes)) {
    reply.refuse(undefined, hubError('QM_BAD_JSON', { reason: 'not UTF-8' }));
    return;
  }
  const raw = rawFromBytes(bytes);
  const message = scanMessage(raw, edge.scanLimits);
  if (message.kind === 'fault' && message.fault !== 'batch') {
    reply.refuse(message.id, faultError(message), message.fault === 'limit' ? 'jsonNodes' : undefined);
    return;
  }
  reply.accepted(202);
  const { client } = known;
  client.guarded(message.id, () => {
    if (message.kind === 'fault') client.batch(raw);
    else client.message(message);
  });
}

function tokenOf({ url = '', headers, accepts }: EdgeRequest): string | undefined {
  if (accepts !== undefined) {
    const sent = headers[sentHeader];
    return typeof sent === 'string' ? sent : undefined;
  }
  const query = url.indexOf('?');
  return query < 0 ? undefined : (new URLSearchParams(url.slice(query + 1)).get('sessionId') ?? undefined);
}

/** The stream of this address is not here. */
function elsewhere(edge: HubEdge, request: EdgeRequest, reply: HttpReply, token: string | undefined): void {
  const { peers } = edge.deps;
  const replica = token === undefined ? undefined : replicaOf(edge, token);
  const ended = (): void =>
    reply.refuse(undefined, hubError('QM_SESSION_NOT_FOUND', { reason: 'its event stream is not open' }));
  if (token === undefined || peers === undefined || replica === undefined || replica === peers.self) {
    ended();
    return;
  }
  // Sent on once: it is there, or nowhere.
  if (request.accepts !== undefined) {
    ended();
    return;
  }
  edge.deps.observer.count('peerForwards', edge.key);
  for (let at = request.rawHeaders.length - 2; at >= 0; at -= 2)
    if (request.rawHeaders[at]?.toLowerCase() === sentHeader) request.rawHeaders.splice(at, 2);
  request.rawHeaders.push(sentHeader, token);
  void sendOn(edge, peers, replica, request, reply, undefined, undefined).then((how) => {
    if (how === 'done' || reply.done) return;
    if (how === 'lost') reply.refuse(undefined, hubError('QM_REPLICA_LOST'));
    else if (how === 'busy') reply.refuse(undefined, hubError('QM_REPLICA_UNREACHABLE'));
    else ended();
  });
}
