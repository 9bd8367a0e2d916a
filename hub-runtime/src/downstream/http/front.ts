/**
 * The first look at every request that comes in: Host, Origin and size of its head, then the hub it is for, then what it wants of it.
 *
 * Everything is checked before any work, for every way in alike: requests at a hub's path, at the paths of HTTP+SSE, and upgrades to a
 * WebSocket. What is for no hub is fastify's.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

import type { ErrorCode } from '../../base/index.ts';
import { hubError } from '../../exchange/index.ts';
import { errorRaw } from '../../wire/index.ts';
import type { EdgeDeps } from '../edge-deps.ts';
import type { HubEdge } from '../hub-edge.ts';
import { isOldTransportServed, type OldPart, serveOldTransport } from './old-transport.ts';
import { acceptSocket, isSocketServed, refuseUpgrade } from './accept-socket.ts';
import { emptyHead, type Head, jsonHead, noHead, securityHeaders } from './answer-headers.ts';
import { defaultHeaders } from './connection-limits.ts';
import { answerOptions, corsHead } from './cors.ts';
import type { EdgeMap } from './edge-map.ts';
import type { EdgeRequest, EdgeResponse } from './edge-messages.ts';
import type { HostGuard } from './host-guard.ts';
import { receivePost } from './post.ts';
import { endSession, openSessionStream } from './session-stream.ts';

const maxUrlChars = 8192;

export type Fallback = (request: EdgeRequest, response: EdgeResponse) => void;

/** A request at one of the paths of HTTP+SSE. */
interface OldPlace {
  readonly edge: HubEdge;
  readonly part: OldPart;
}

function watcherClosed(this: EdgeResponse): void {
  this.watcher?.closed();
}

export class Front {
  /** Set when answers end their connections: told of each request. */
  leaving: (() => void) | undefined;
  readonly #guard: HostGuard;
  readonly #edges: EdgeMap;
  readonly #deps: EdgeDeps;
  readonly #fallback: Fallback;

  constructor(guard: HostGuard, edges: EdgeMap, deps: EdgeDeps, fallback: Fallback) {
    this.#guard = guard;
    this.#edges = edges;
    this.#deps = deps;
    this.#fallback = fallback;
  }

  receive(request: EdgeRequest, response: EdgeResponse): void {
    if (this.leaving !== undefined) {
      this.leaving();
      response.shouldKeepAlive = false;
    }
    const foreign = this.#foreign(request);
    if (foreign !== undefined) return this.#refuse(response, foreign, maxUrlChars);
    const { url = '' } = request;
    const edge = this.#edgeAt(url);
    const old = edge === undefined ? this.#oldPlaceAt(url) : undefined;
    const maxHeaders = mostHeaders(edge ?? old?.edge);
    if (request.rawHeaders.length > 2 * maxHeaders) return this.#refuse(response, 'QM_HEADERS_TOO_LARGE', maxHeaders);
    if (old !== undefined && isOldTransportServed(old.edge)) {
      this.#serveOld(old, request, response);
      return;
    }
    if (edge === undefined) {
      for (let at = 0; at < securityHeaders.length; at += 2)
        response.setHeader(securityHeaders[at] ?? '', securityHeaders[at + 1] ?? '');
      this.#fallback(request, response);
      return;
    }
    this.#serve(edge, request, response, request.headers.origin);
  }

  /** Whether a request that wants another protocol gets it; else it is one like any other. */
  isUpgrade(request: IncomingMessage): boolean {
    if (request.method !== 'GET' || request.headers.upgrade?.toLowerCase() !== 'websocket') return false;
    const edge = this.#edgeAt(request.url ?? '');
    return edge !== undefined && isSocketServed(edge);
  }

  upgrade(request: IncomingMessage, connection: Duplex, head: Buffer): void {
    this.leaving?.();
    const edge = this.#edgeAt(request.url ?? '');
    const maxHeaders = mostHeaders(edge);
    const isTooLarge = request.rawHeaders.length > 2 * maxHeaders;
    const fault = this.#foreign(request) ?? (isTooLarge ? 'QM_HEADERS_TOO_LARGE' : undefined);
    if (fault !== undefined) refuseUpgrade({ deps: this.#deps }, connection, fault);
    else if (edge === undefined || !this.isUpgrade(request))
      refuseUpgrade({ deps: this.#deps }, connection, 'QM_METHOD_NOT_ALLOWED');
    else acceptSocket(edge, request, connection, head);
  }

  /** What another replica has looked at already. */
  receiveSent(request: EdgeRequest, response: EdgeResponse): void {
    const { url = '' } = request;
    const edge = this.#edgeAt(url);
    const old = edge === undefined ? this.#oldPlaceAt(url) : undefined;
    if (old !== undefined) this.#serveOld(old, request, response);
    // It serves another configuration for a moment: whoever sent it looks elsewhere.
    else if (edge === undefined) response.writeHead(421, emptyHead(noHead)).end();
    else this.#serve(edge, request, response, request.headers.origin);
  }

  #edgeAt(url: string): HubEdge | undefined {
    const query = url.indexOf('?');
    return this.#edges.find(query < 0 ? url : url.slice(0, query));
  }

  /** `<path>/sse` and `<path>/messages` of a hub. */
  #oldPlaceAt(url: string): OldPlace | undefined {
    const query = url.indexOf('?');
    const path = query < 0 ? url : url.slice(0, query);
    const part = path.endsWith('/sse') ? 'sse' : path.endsWith('/messages') ? 'messages' : undefined;
    const edge = part === undefined ? undefined : this.#edges.find(path.slice(0, -part.length - 1));
    return part === undefined || edge === undefined ? undefined : { edge, part };
  }

  #serveOld({ edge, part }: OldPlace, request: EdgeRequest, response: EdgeResponse): void {
    const { origin } = request.headers;
    response.on('close', watcherClosed);
    response.on('error', ignore);
    serveOldTransport(edge, part, request, response, origin === undefined ? noHead : corsHead(origin));
  }

  /** From a host or a page that has no business here. */
  #foreign({ rawHeaders, headers: { host, origin }, url = '' }: IncomingMessage): ErrorCode | undefined {
    if (hosts(rawHeaders) > 1 || !this.#guard.allowsHost(host)) return 'QM_BAD_HOST';
    if (origin !== undefined && !this.#guard.allowsOrigin(origin)) return 'QM_BAD_ORIGIN';
    return url.length > maxUrlChars ? 'QM_URL_TOO_LONG' : undefined;
  }

  #serve(edge: HubEdge, request: EdgeRequest, response: EdgeResponse, origin: string | undefined): void {
    response.on('close', watcherClosed);
    response.on('error', ignore);
    const cors = origin === undefined ? noHead : corsHead(origin);
    if (request.method === 'POST') receivePost(edge, request, response, cors);
    else this.#other(edge, request, response, cors);
  }

  failed(error: unknown, response: EdgeResponse): void {
    this.#deps.log.error({ err: error }, 'a request failed at the listener');
    if (response.headersSent) response.destroy();
    else this.#refuse(response, 'QM_INTERNAL');
  }

  failedUpgrade(error: unknown, connection: Duplex): void {
    this.#deps.log.error({ err: error }, 'an upgrade failed at the listener');
    connection.destroy();
  }

  #other(edge: HubEdge, request: EdgeRequest, response: EdgeResponse, cors: Head): void {
    const legacy = edge.port.graph.config.eras.includes('legacy');
    const methods = legacy ? 'GET, POST, DELETE' : 'POST';
    if (request.method === 'OPTIONS') answerOptions(request, response, cors, methods);
    else if (legacy && request.method === 'GET') openSessionStream(edge, request, response, cors);
    else if (legacy && request.method === 'DELETE') endSession(edge, request, response, cors);
    else this.#refuse(response, 'QM_METHOD_NOT_ALLOWED', methods, [...cors, 'Allow', methods]);
  }

  #refuse(response: EdgeResponse, code: ErrorCode, limit: number | string = '', extra: Head = noHead): void {
    const error = hubError(code, { limit, allow: limit });
    const body = errorRaw(undefined, error.code, error.message, error.data);
    this.#deps.observer.count('refusedRequests', code);
    response.writeHead(error.httpStatus, jsonHead(body.length, ['Connection', 'close', ...extra]));
    response.end(body, 'latin1');
  }
}

/** Host headers of a request. Node keeps the first and says nothing of the others, which a proxy in front may go by (RFC 9112 3.2). */
function hosts(rawHeaders: readonly string[]): number {
  let count = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at];
    if (name?.length === 4 && name.toLowerCase() === 'host') count++;
  }
  return count;
}

function mostHeaders(edge: HubEdge | undefined): number {
  return edge?.port.graph.config.limits.headers ?? defaultHeaders;
}

/** A client that goes away while it is written to: its `close` says so as well. */
function ignore(): void {}
