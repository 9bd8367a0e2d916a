/**
 * The HTTP listener of the hubs: one socket, hub paths diverted before fastify's router, everything else fastify's.
 *
 * Diverting in `serverFactory` is what keeps a call off fastify's request path (6-10 microseconds each); in exchange fastify's hooks,
 * limits and logs do not see hub requests, so the edge has its own. Host and Origin are checked here, before either.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

import { fastify, type FastifyError, type FastifyInstance } from 'fastify';

import type { ErrorCode } from '../../base/index.ts';
import { hubError } from '../../exchange/index.ts';
import { errorRaw } from '../../wire/index.ts';
import type { EdgeDeps, HubDirectory } from '../edge-deps.ts';
import type { HubEdge } from '../hub-edge.ts';
import { emptyHead, type Head, jsonHead, noHead, rawRefusal, securityHeaders } from './answer-headers.ts';
import { type ConnectionTimes, defaultHeaders, defaultTimes, limitConnections } from './connection-limits.ts';
import { answerOptions, corsHead } from './cors.ts';
import { clientsLeave, drainEdges } from './drain.ts';
import { EdgeMap } from './edge-map.ts';
import { EdgeRequest, EdgeResponse } from './edge-messages.ts';
import { HostGuard } from './host-guard.ts';
import { receivePost } from './post.ts';
import { endSession, openSessionStream } from './session-stream.ts';

export interface ListenerOptions extends EdgeDeps {
  /** Address to bind: 127.0.0.1 unless the operator knows better. */
  readonly host: string;
  /** 0 = a free one. */
  readonly port: number;
  readonly directory: HubDirectory;
  /** Beside the bound host and loopback: `name` or `name:port`. */
  readonly allowedHosts?: readonly string[];
  /** Web origins that may use the hubs, beside the listener's own. */
  readonly allowedOrigins?: readonly string[];
  /** More routes on the same port (landing page, metadata). They get the header set and the Host check as well. */
  readonly extraRoutes?: (app: FastifyInstance) => void;
  /** Connections at once, beside those that carry an open stream: streams have limits of their own and must not shut out calls. */
  readonly maxConnections?: number;
  readonly times?: ConnectionTimes;
}

export interface Listener {
  /** `http://host:port`, no path. */
  readonly url: string;
  readonly port: number;
  /** Where requests come in that clients sent to another replica. */
  readonly door: SideDoor;
  /** Replaces `allowedHosts`. */
  allowHosts(hosts: readonly string[]): void;
  /**
   * Stops accepting, ends listen streams with their result, waits for calls up to `graceMs`, then cuts. Idempotent.
   *
   * With `leaveMs` it serves on before, for that long at most and until nobody comes any more, but each answer asks its client to come back
   * on another connection: clients that keep theirs open would otherwise send a call into the end, where others take over (replicas behind
   * one address).
   */
  close(graceMs: number, leaveMs?: number): Promise<void>;
}

/** The edge without its socket. Whoever opens one for it must know that what comes in is from another replica. */
export interface SideDoor {
  readonly requestClass: typeof IncomingMessage;
  readonly responseClass: typeof ServerResponse;
  /** `request` is of `requestClass`. `accepts`: whether a body is the one that was sent. */
  receive(request: IncomingMessage, response: ServerResponse, accepts: (body: Buffer | undefined) => boolean): void;
}

const maxHeaderBytes = 16 * 1024;
const maxUrlChars = 8192;
const sweepMs = 1000;

type EdgeServer = Server<typeof EdgeRequest, typeof EdgeResponse>;
type Fallback = (request: EdgeRequest, response: EdgeResponse) => void;

export async function startListener(options: ListenerOptions): Promise<Listener> {
  const guard = new HostGuard({
    host: options.host,
    allowedHosts: options.allowedHosts ?? [],
    allowedOrigins: options.allowedOrigins ?? [],
  });
  const edges = new EdgeMap(options.directory, options);
  let server: EdgeServer | undefined;
  let front: Front | undefined;
  const app = fastify({
    serverFactory: (fallback) => {
      front = new Front(guard, edges, options, fallback as unknown as Fallback);
      server = createEdgeServer(front, options.times ?? defaultTimes);
      return server as unknown as Server;
    },
    clientErrorHandler: refuseUnreadable,
  });
  app.setNotFoundHandler(async (_request, reply) =>
    reply
      .code(404)
      .type('application/json')
      .send({ error: 'not found', hint: 'the path of a hub is in its McpHub manifest' }),
  );
  app.setErrorHandler(async (error: FastifyError, request, reply) => {
    const status = error.statusCode ?? 500;
    if (status < 500) return reply.code(status).type('application/json').send({ error: error.message });
    options.log.error({ err: error, url: request.url }, 'a route failed');
    return reply.code(500).type('application/json').send({ error: 'internal error' });
  });
  options.extraRoutes?.(app);
  if (!app.hasRoute({ method: 'GET', url: '/' }))
    app.get('/', async (_request, reply) =>
      reply.type('text/plain').send('Quaymaster hub. Point an MCP client at the path of a hub, /mcp by default.\n'),
    );
  await app.listen({ host: options.host, port: options.port });
  if (server === undefined) throw new Error('fastify made no server');
  const listening = server;
  const address = listening.address();
  const port = typeof address === 'object' && address !== null ? address.port : options.port;
  guard.listeningOn(port);
  const stopSweep = options.clock.every(sweepMs, () => {
    edges.sweep();
    applyLimits(listening, edges, options);
  });
  applyLimits(listening, edges, options);
  let closing: Promise<void> | undefined;
  return {
    url: `http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`,
    port,
    door: {
      requestClass: EdgeRequest,
      responseClass: EdgeResponse as typeof ServerResponse,
      receive(request, response, accepts) {
        const sent = request as EdgeRequest;
        sent.accepts = accepts;
        front?.receiveSent(sent, response as EdgeResponse);
      },
    },
    allowHosts: (hosts) => guard.allow(hosts),
    close(graceMs, leaveMs = 0) {
      closing ??= (async () => {
        stopSweep();
        if (leaveMs > 0) {
          const { clock } = options;
          let lastCameMs = Number.NEGATIVE_INFINITY;
          const came = (): void => void (lastCameMs = clock.monotonic());
          if (front !== undefined) front.leaving = came;
          listening.on('connection', came);
          await clientsLeave(edges, () => lastCameMs, leaveMs, clock);
        }
        listening.close();
        await drainEdges(edges, listening, graceMs, options.clock);
        await app.close();
      })();
      return closing;
    },
  };
}

function applyLimits(server: EdgeServer, edges: EdgeMap, options: ListenerOptions): void {
  const all = edges.all();
  const streams = all.reduce((sum, edge) => sum + edge.streams, 0);
  const hubs = options.directory.hubs?.() ?? all.map(({ port }) => port);
  limitConnections(server, hubs, streams, options);
}

function createEdgeServer(front: Front, times: ConnectionTimes): EdgeServer {
  const server = createServer(
    {
      IncomingMessage: EdgeRequest,
      ServerResponse: EdgeResponse,
      maxHeaderSize: maxHeaderBytes,
      headersTimeout: times.headersMs,
      requestTimeout: times.requestMs,
      keepAliveTimeout: times.idleMs,
      // Node adds a second of its own, so that a client that still sends then is not cut.
      keepAliveTimeoutBuffer: 0,
      connectionsCheckingInterval: times.lookMs,
      noDelay: true,
    },
    (request, response) => {
      try {
        front.receive(request, response);
      } catch (error) {
        front.failed(error, response);
      }
    },
  );
  // Node drops headers over this count without a word: the edge counts them itself and refuses.
  server.maxHeadersCount = 0;
  return server;
}

/** Bytes that never became a request: too slow, too big, or not HTTP. */
function refuseUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || socket.bytesWritten > 0) {
    socket.destroy();
    return;
  }
  if (error.code === 'HPE_HEADER_OVERFLOW') socket.end(rawRefusal(431, 'Request Header Fields Too Large'));
  else if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') socket.end(rawRefusal(408, 'Request Timeout'));
  else socket.end(rawRefusal(400, 'Bad Request'));
}

function watcherClosed(this: EdgeResponse): void {
  this.watcher?.closed();
}

/** The first look at every request. */
class Front {
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
    const origin = request.headers.origin;
    const url = request.url ?? '';
    if (hosts(request.rawHeaders) > 1 || !this.#guard.allowsHost(request.headers.host))
      return this.#refuse(response, 'QM_BAD_HOST');
    if (origin !== undefined && !this.#guard.allowsOrigin(origin)) return this.#refuse(response, 'QM_BAD_ORIGIN');
    if (url.length > maxUrlChars) return this.#refuse(response, 'QM_URL_TOO_LONG', maxUrlChars);
    const edge = this.#edgeAt(url);
    const maxHeaders = edge?.port.graph.config.limits.headers ?? defaultHeaders;
    if (request.rawHeaders.length > 2 * maxHeaders) return this.#refuse(response, 'QM_HEADERS_TOO_LARGE', maxHeaders);
    if (edge === undefined) {
      for (let at = 0; at < securityHeaders.length; at += 2)
        response.setHeader(securityHeaders[at] ?? '', securityHeaders[at + 1] ?? '');
      this.#fallback(request, response);
      return;
    }
    this.#serve(edge, request, response, origin);
  }

  /** What another replica has looked at already. */
  receiveSent(request: EdgeRequest, response: EdgeResponse): void {
    const edge = this.#edgeAt(request.url ?? '');
    // It serves another configuration for a moment: whoever sent it looks elsewhere.
    if (edge === undefined) response.writeHead(421, emptyHead(noHead)).end();
    else this.#serve(edge, request, response, request.headers.origin);
  }

  #edgeAt(url: string): HubEdge | undefined {
    const query = url.indexOf('?');
    return this.#edges.find(query < 0 ? url : url.slice(0, query));
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

/** A client that goes away while it is written to: its `close` says so as well. */
function ignore(): void {}
