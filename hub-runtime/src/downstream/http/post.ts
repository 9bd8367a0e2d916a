/**
 * A POST to a hub path, from its headers to the method that serves it. The path of every call over HTTP.
 *
 *  1. the head: JSON content type (415), no compression (415), length in bounds (413), something acceptable to answer with (406)
 *  2. the body: read once, counted while it arrives (413), valid UTF-8 and JSON (400 -32700), one JSON-RPC message (400 -32600)
 *  3. the era, by wire/classify.ts (400 -32602, -32020, -32022), where the hub serves both
 *  4. modern: notification -> 202, request -> modern-methods; legacy: legacy-post
 * Nothing here allocates per request beyond the reply and what the scanner records.
 */
import { isUtf8 } from 'node:buffer';

import { hubError } from '../../exchange/index.ts';
import { ownerOfState } from '../../questions/index.ts';
import {
  classifyPost,
  memberRaw,
  memberString,
  rawFromBytes,
  readMeta,
  type ScannedMessage,
  scanMessage,
} from '../../wire/index.ts';
import { classifyError, faultError } from '../fault-error.ts';
import type { HubEdge } from '../hub-edge.ts';
import { serveModernNotification, serveModernRequest } from '../modern-methods.ts';
import { acceptOf, isJsonType } from './accept.ts';
import type { Head } from './answer-headers.ts';
import type { EdgeRequest, EdgeResponse } from './edge-messages.ts';
import { HttpReply } from './http-reply.ts';
import { relayToOwner } from './relay.ts';
import { refuseLegacy, serveLegacyBatch, serveLegacyPost } from './legacy-post.ts';

export function receivePost(edge: HubEdge, request: EdgeRequest, response: EdgeResponse, cors: Head): void {
  const headers = request.headers;
  const accept = acceptOf(headers.accept);
  const reply = new HttpReply(edge, response, accept, cors);
  const limit = edge.port.graph.config.limits.payloadBytes;
  const length = headers['content-length'];
  request.edge = edge;
  request.reply = reply;
  request.on('data', takeChunk);
  if (edge.draining && request.accepts === undefined) {
    reply.addHead(['Connection', 'close']);
    reply.refuse(undefined, hubError('QM_SHUTTING_DOWN'));
  } else if (!isJsonType(headers['content-type'])) reply.refuse(undefined, hubError('QM_UNSUPPORTED_MEDIA_TYPE'));
  else if (!isIdentity(headers['content-encoding'])) reply.refuse(undefined, hubError('QM_UNSUPPORTED_MEDIA_TYPE'));
  else if (length !== undefined && Number(length) > limit) refuseSize(reply, limit);
  else if (!accept.json && !accept.events)
    reply.refuse(undefined, hubError('QM_NOT_ACCEPTABLE', { wanted: 'application/json, text/event-stream' }));
  else {
    request.again = bodyComplete;
    request.on('end', bodyComplete);
  }
}

function isIdentity(encoding: string | undefined): boolean {
  return encoding === undefined || encoding === 'identity';
}

function refuseSize(reply: HttpReply, limit: number): void {
  reply.refuse(undefined, hubError('QM_BODY_TOO_LARGE', { limit }), 'payloadBytes');
}

/**
 * What is still sent after a refusal is read and thrown away: closing on a client in the middle of its body would reset the connection, and the
 * client would see that instead of the reason. Past this much it is reset all the same.
 */
const mostUnwanted = 32 * 1024 * 1024;

function takeChunk(this: EdgeRequest, chunk: Buffer): void {
  const { edge, reply } = this;
  if (edge === undefined || reply === undefined) return;
  this.received += chunk.length;
  const limit = edge.port.graph.config.limits.payloadBytes;
  if (reply.done) {
    if (this.received > limit + mostUnwanted) this.destroy();
    return;
  }
  if (this.received > limit) {
    this.first = this.more = undefined;
    refuseSize(reply, limit);
    return;
  }
  if (this.first === undefined) this.first = chunk;
  else (this.more ??= []).push(chunk);
}

function bodyComplete(this: EdgeRequest): void {
  const { edge, reply, body } = this;
  if (edge === undefined || reply === undefined || reply.done) return;
  if (this.accepts?.(body) === false) {
    reply.accepted(401);
    return;
  }
  if (body === undefined) {
    reply.refuse(undefined, hubError('QM_BAD_JSON', { reason: 'it is empty' }));
    return;
  }
  try {
    (this.serve ?? serveBody)(edge, this, reply, body);
  } catch (error) {
    // Without this a fault of ours in one request would end the process, and every other client with it.
    edge.deps.log.error({ err: error, hub: edge.key }, 'a request failed at the edge');
    reply.refuse(undefined, hubError('QM_INTERNAL'));
  }
}

function serveBody(edge: HubEdge, request: EdgeRequest, reply: HttpReply, bytes: Buffer): void {
  if (!isUtf8(bytes)) {
    reply.refuse(undefined, hubError('QM_BAD_JSON', { reason: 'not UTF-8' }));
    return;
  }
  const raw = rawFromBytes(bytes);
  const message = scanMessage(raw, edge.scanLimits);
  if (message.kind === 'fault') {
    if (message.fault === 'batch') serveLegacyBatch(edge, request, reply, raw);
    else reply.refuse(message.id, faultError(message), message.fault === 'limit' ? 'jsonNodes' : undefined);
    return;
  }
  const { eras } = edge.port.graph.config;
  if (!eras.includes('modern')) {
    serveLegacyPost(edge, request, reply, message, readMeta(message.params?.meta));
    return;
  }
  const classified = classifyPost(message, request.headers);
  if (classified.era === 'fault') reply.refuse(message.id, classifyError(classified));
  else if (classified.era === 'legacy') {
    if (eras.includes('legacy')) serveLegacyPost(edge, request, reply, message, classified.meta);
    else refuseLegacy(reply, message, requestedVersion(request, memberString(message.params, 'protocolVersion')));
  } else if (message.kind === 'request') {
    if (!sentToOwner(edge, request, reply, message))
      serveModernRequest(edge, reply, message, classified.meta, undefined, request.headers);
  } else if (message.kind === 'notification') {
    serveModernNotification(edge, message, classified.meta, undefined);
    reply.accepted(202);
  } else reply.refuse(undefined, hubError('QM_BAD_MESSAGE', { reason: 'responses are not posted in 2026-07-28' }));
}

/** A request that comes back with answers goes to the replica where its call waits, when that is another one. */
function sentToOwner(edge: HubEdge, request: EdgeRequest, reply: HttpReply, message: ScannedMessage): boolean {
  const { peers, sealer } = edge.deps;
  if (peers === undefined || request.accepts !== undefined) return false;
  const state = memberRaw(message.params, 'requestState');
  const owner = state === undefined ? undefined : ownerOfState(sealer, state);
  if (owner === undefined || owner === peers.self) return false;
  relayToOwner(edge, peers, owner, request, reply, message.id);
  return true;
}

function requestedVersion(request: EdgeRequest, named: string | undefined): string | undefined {
  const header = request.headers['mcp-protocol-version'];
  return header === undefined ? named : String(header);
}
