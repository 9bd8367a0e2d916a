/**
 * The HTTP listener of the hubs: one socket, hub paths diverted before fastify's router, everything else fastify's.
 *
 * Diverting in `serverFactory` is what keeps a call off fastify's request path (6-10 microseconds each); in exchange fastify's hooks,
 * limits and logs do not see hub requests, so the edge has its own. The first look at a request is `front.ts`.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

import { fastify, type FastifyError, type FastifyInstance } from 'fastify';

import { noSchemas } from '../../http-routes/index.ts';
import type { EdgeDeps, HubDirectory } from '../edge-deps.ts';
import { rawRefusal } from './answer-headers.ts';
import { type ConnectionTimes, defaultTimes, limitConnections } from './connection-limits.ts';
import { clientsLeave, drainEdges } from './drain.ts';
import { EdgeMap } from './edge-map.ts';
import { EdgeRequest, EdgeResponse } from './edge-messages.ts';
import { type Fallback, Front } from './front.ts';
import { HostGuard } from './host-guard.ts';

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
const sweepMs = 1000;

/** `shouldUpgradeCallback` came with Node 24.9. */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const choosesUpgrades = major > 24 || (major === 24 && minor >= 9);

type EdgeServer = Server<typeof EdgeRequest, typeof EdgeResponse>;

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
    ...noSchemas,
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
          let lastMs = Number.NEGATIVE_INFINITY;
          const came = (): void => void (lastMs = clock.monotonic());
          if (front !== undefined) front.leaving = came;
          listening.on('connection', came);
          const arrivals = { lastMs: () => lastMs, connections: () => openConnections(listening) };
          await clientsLeave(edges, arrivals, leaveMs, clock);
        }
        listening.close();
        await drainEdges(edges, listening, graceMs, options.clock);
        await app.close();
      })();
      return closing;
    },
  };
}

/** Infinity: nobody knows, which is not none. */
function openConnections(server: EdgeServer): Promise<number> {
  return new Promise((resolve) => server.getConnections((error, count) => resolve(error === null ? count : Infinity)));
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
      // Others that would like another protocol (h2c) are answered in this one.
      shouldUpgradeCallback: (request) => front.isUpgrade(request),
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
  // An older Node hands over every request that would like another protocol, bodies lost, and widespread clients ask for h2c: better no
  // WebSocket there than calls of others that fail.
  if (!choosesUpgrades) return server;
  server.on('upgrade', (request, connection, head) => {
    try {
      front.upgrade(request, connection, head);
    } catch (error) {
      front.failedUpgrade(error, connection);
    }
  });
  return server;
}

/** Bytes that never became a request: too slow, too big, or not HTTP. */
function refuseUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  // Nor is anything said on a connection that nobody has asked on: its client would take it for the answer to a request it is about to send.
  if (!socket.writable || socket.bytesWritten > 0 || socket.bytesRead === 0) {
    socket.destroy();
    return;
  }
  if (error.code === 'HPE_HEADER_OVERFLOW') socket.end(rawRefusal(431, 'Request Header Fields Too Large'));
  else if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') socket.end(rawRefusal(408, 'Request Timeout'));
  else socket.end(rawRefusal(400, 'Bad Request'));
}
