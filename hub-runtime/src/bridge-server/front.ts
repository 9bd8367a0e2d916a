/**
 * The bridge's HTTP server: who may call, how much, and which era's edge serves it.
 *
 *  1. the token: 401 before anything of the request is read (and of a request without it nothing reaches the child)
 *  2. the end: while draining, whatever would start new work is refused with the mark that nothing was executed
 *  3. path, method, body: read once, counted while it arrives, one JSON-RPC message
 *  4. the child's era decides what is served; the other era is told so in its own words, as a server of one era would
 */
import { isUtf8 } from 'node:buffer';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

import type { BridgePodSettings, Era } from '@quaymaster/crds';

import type { Clock, Logger } from '../base/index.ts';
import { type ErrorOutcome, hubError, protocolError } from '../exchange/index.ts';
import { callerHeader, graceMs } from '../upstream/index.ts';
import {
  classifyPost,
  type RawJson,
  rawFromBytes,
  rawOf,
  readMeta,
  rpcCode,
  type ScannedMessage,
  scanMessage,
} from '../wire/index.ts';
import type { CallerToken } from './caller-token.ts';
import type { LegacyEdge } from './legacy-edge.ts';
import type { BridgeLimits } from './limits.ts';
import type { ModernEdge } from './modern-edge.ts';
import { handshakeMethods, isPlain, notReady } from './not-ready.ts';
import { Reply } from './reply.ts';
import type { ServedChildren } from './served-children.ts';

const mcpPath = '/mcp';
const scanLimits = { depth: 128, nodes: 2_000_000 };

export interface FrontDeps {
  readonly limits: BridgeLimits;
  readonly settings: BridgePodSettings;
  readonly clock: Clock;
  readonly log: Logger;
  readonly token: CallerToken;
  readonly served: ServedChildren;
  readonly legacy: LegacyEdge;
  readonly modern: ModernEdge;
}

export class Front {
  /** Open event streams. */
  readonly streams = new Set<Reply>();
  readonly server: Server;
  readonly #deps: FrontDeps;
  readonly #open = new Set<Reply>();
  readonly #stopSweep: () => void;
  #receiving = 0;
  #arriving = 0;
  #draining = false;

  constructor(deps: FrontDeps) {
    this.#deps = deps;
    this.server = createServer(
      {
        maxHeaderSize: deps.limits.headerBytes,
        headersTimeout: 10_000,
        requestTimeout: 120_000,
        // Longer than a hub keeps its side (10 s): whoever closes an idle connection first must not be the one that is written to.
        keepAliveTimeout: 65_000,
        noDelay: true,
      },
      (request, response) => this.#receive(request, response),
    );
    this.server.maxConnections = deps.limits.connections;
    this.#stopSweep = deps.clock.every(deps.limits.keepAliveMs, () => {
      for (const stream of this.streams) stream.keepAlive();
    });
  }

  /** Requests without an answer, those still arriving too; apart from streams that only listen. */
  get inFlight(): number {
    return this.#open.size + this.#arriving;
  }

  /** From now on nothing new is begun here. It still listens: refusals are clearer than a closed port, and calls in flight may be cancelled. */
  drain(): void {
    this.#draining = true;
  }

  close(): void {
    this.#stopSweep();
    this.server.close();
    this.server.closeAllConnections();
  }

  #receive(request: IncomingMessage, response: ServerResponse): void {
    const reply = new Reply(request, response, this);
    const { headers, method } = request;
    if (this.#draining) reply.head('Connection', 'close');
    if (!this.#deps.token.accepts(headers.authorization)) return this.#refuse(reply, 'unauthorized');
    if ((request.url ?? '').split('?', 1)[0] !== mcpPath) return this.#refuse(reply, 'path');
    if (method === 'POST') return this.#post(reply, request);
    if (method !== 'GET' && method !== 'DELETE') return this.#refuse(reply, 'method');
    // Of a child that is on its way back: a 404 for the session that ended with it says more than a 405.
    const era = this.#era ?? this.#lastEra;
    if (era === 'modern') this.#refuse(reply, 'method');
    else if (era === undefined) reply.fail(undefined, notReady(this.#server, this.#deps.served.keeper.state, false));
    else if (method === 'DELETE') this.#deps.legacy.delete(reply);
    else if (this.#draining) reply.fail(undefined, hubError('QM_SHUTTING_DOWN'));
    else this.#deps.legacy.get(reply);
  }

  get #server(): string {
    return this.#deps.settings.server;
  }

  get #era(): Era | undefined {
    return this.#deps.served.keeper.conversation?.era;
  }

  #refuse(reply: Reply, why: 'unauthorized' | 'path' | 'method'): void {
    reply.request.resume();
    if (why === 'unauthorized') {
      reply.head('WWW-Authenticate', 'Bearer');
      // Whatever else it wants to send is not waited for.
      reply.head('Connection', 'close');
      reply.empty(401);
    } else if (why === 'path') reply.empty(404);
    else {
      const allow = this.#era === 'modern' ? 'POST' : 'GET, POST, DELETE';
      reply.head('Allow', allow);
      reply.fail(undefined, hubError('QM_METHOD_NOT_ALLOWED', { allow }));
    }
  }

  #post(reply: Reply, request: IncomingMessage): void {
    const { headers } = request;
    const length = Number(headers['content-length'] ?? 0);
    const refusal = this.#bodyRefusal(headers['content-type'], headers['content-encoding'], length);
    if (refusal !== undefined) {
      request.resume();
      return reply.fail(undefined, refusal);
    }
    const chunks: Buffer[] = [];
    let received = 0;
    this.#arriving += 1;
    const arrived = once(() => (this.#arriving -= 1));
    const give = (): void => {
      arrived();
      this.#receiving -= received;
      received = 0;
      chunks.length = 0;
    };
    request.on('data', (chunk: Buffer) => {
      if (reply.done) return;
      received += chunk.length;
      this.#receiving += chunk.length;
      if (received <= this.#deps.limits.bodyBytes && this.#receiving <= this.#deps.limits.bodiesBytes) {
        chunks.push(chunk);
        return;
      }
      const isLarge = received > this.#deps.limits.bodyBytes;
      give();
      reply.fail(
        undefined,
        isLarge
          ? tooLarge(this.#deps.limits.bodyBytes)
          : overloaded(this.#deps.limits.bodiesBytes, 'bytes of requests'),
      );
    });
    request.on('close', give);
    request.on('end', () => {
      if (reply.done) return;
      const bytes = Buffer.concat(chunks);
      give();
      this.#guarded(reply, bytes);
    });
  }

  #bodyRefusal(type: string | undefined, encoding: string | undefined, length: number): ErrorOutcome | undefined {
    if (type === undefined || !/^application\/json\s*(;|$)/i.test(type)) return hubError('QM_UNSUPPORTED_MEDIA_TYPE');
    if (encoding !== undefined && encoding !== 'identity') return hubError('QM_UNSUPPORTED_MEDIA_TYPE');
    if (length > this.#deps.limits.bodyBytes) return tooLarge(this.#deps.limits.bodyBytes);
    if (this.#receiving + length > this.#deps.limits.bodiesBytes)
      return overloaded(this.#deps.limits.bodiesBytes, 'bytes of requests');
    return undefined;
  }

  #guarded(reply: Reply, bytes: Buffer): void {
    try {
      this.#message(reply, bytes);
    } catch (error) {
      this.#deps.log.error({ err: error }, 'a request failed at the bridge');
      reply.fail(undefined, hubError('QM_INTERNAL'));
    }
  }

  #message(reply: Reply, bytes: Buffer): void {
    if (!isUtf8(bytes)) return reply.fail(undefined, hubError('QM_BAD_JSON', { reason: 'not UTF-8' }));
    const message = scanMessage(rawFromBytes(bytes), scanLimits);
    if (message.kind === 'fault') {
      const code = message.fault === 'syntax' ? 'QM_BAD_JSON' : 'QM_BAD_MESSAGE';
      return reply.fail(message.id, hubError(code, { reason: message.message }));
    }
    if (this.#draining && message.kind === 'request') return reply.fail(message.id, hubError('QM_SHUTTING_DOWN'));
    if (message.kind === 'request') {
      // Not before it is known to be one: a cancellation must get through when all is busy.
      const { inFlight } = this.#deps.limits;
      if (this.#open.size >= inFlight) return reply.fail(message.id, overloaded(inFlight, 'requests in flight'));
      this.#count(reply, message);
    }
    this.#serve(reply, message, this.#callerOf(reply));
  }

  #serve(reply: Reply, message: ScannedMessage, caller: string | undefined): void {
    const { keeper } = this.#deps.served;
    const isHandshake = handshakeMethods.has(message.method);
    if (isHandshake && keeper.isComingBack) {
      void keeper.settled(graceMs).then(() => {
        if (!reply.done) this.#serveNow(reply, message, caller, this.#era);
      });
      return;
    }
    this.#serveNow(reply, message, caller, this.#era ?? (keeper.isComingBack ? this.#lastEra : undefined));
  }

  #serveNow(reply: Reply, message: ScannedMessage, caller: string | undefined, era: Era | undefined): void {
    const { served, legacy, modern } = this.#deps;
    const { keeper } = served;
    if (era === undefined)
      return reply.fail(message.id, notReady(this.#server, keeper.state, handshakeMethods.has(message.method)));
    this.#lastEra = era;
    if (era === 'legacy') {
      const meta = readMeta(message.params?.meta);
      if (meta.protocolVersion === undefined) legacy.post(reply, message, meta, caller);
      else reply.fail(message.id, otherEra(keeper.conversation?.revision, meta.protocolVersion));
      return;
    }
    const classified = classifyPost(message, reply.request.headers);
    if (classified.era === 'modern') modern.post(reply, message, classified.meta, caller);
    else if (classified.era === 'fault')
      reply.fail(message.id, protocolError(classified.code, classified.message, 400, classified.data));
    else reply.fail(message.id, protocolError(rpcCode.methodNotFound, 'this server speaks 2026-07-28 only', 404));
  }

  /** Of a child that is on its way back: its calls wait for it. */
  #lastEra: Era | undefined;

  #count(reply: Reply, message: ScannedMessage): void {
    if (message.method === 'subscriptions/listen') return;
    this.#open.add(reply);
    reply.onEnd = () => this.#open.delete(reply);
  }

  #callerOf(reply: Reply): string | undefined {
    const given = reply.request.headers[callerHeader];
    return typeof given === 'string' && isPlain(given, this.#deps.limits.callerKeyChars) ? given : undefined;
  }
}

function once(work: () => void): () => void {
  let done = false;
  return () => {
    if (!done) work();
    done = true;
  };
}

function tooLarge(limit: number): ErrorOutcome {
  return hubError('QM_BODY_TOO_LARGE', { limit });
}

function overloaded(limit: number, what: string): ErrorOutcome {
  return hubError('QM_OVERLOADED', { limit, what });
}

/** What a server of the older era says to the newer one, so that a caller falls back to `initialize`. */
function otherEra(revision: string | undefined, requested: RawJson): ErrorOutcome {
  const data = { supported: revision === undefined ? [] : [revision] };
  const withRequested = `${rawOf(data).slice(0, -1)},"requested":${requested}}` as RawJson;
  return protocolError(rpcCode.unsupportedVersion, 'this server speaks the older protocol', 400, withRequested);
}
