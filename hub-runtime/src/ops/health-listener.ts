/**
 * The health listener: an HTTP server of its own, on a port of its own, so that probes and scrapes answer while the MCP listener is full (HS-12).
 *
 * Serves /livez, /startupz, /readyz, /statusz, /graphz (where there are hubs) and /metrics; 200 or 503, always JSON with the reasons (metrics: text). It is never behind
 * authentication and never on the public port, so it tells nothing secret: whatever it sends is masked. Bound to loopback it answers only to
 * loopback Host names, or a web page could read it by rebinding its own name (HS-07).
 */
import { isIP } from 'node:net';

import { fastify, type FastifyReply } from 'fastify';

import { maskSecrets, QmError } from '../base/index.ts';
import { noSchemas } from '../http-routes/index.ts';
import type { Probes, Verdict } from './probes.ts';

export interface HealthOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly probes: Probes;
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
  /** What each hub offers and what not, see `graph/`. */
  readonly graphs?: () => readonly object[];
}

export interface HealthListener {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

/** Next to the hub's own 7575. */
export const defaultHealthPort = 7576;

export async function startHealthListener(options: HealthOptions): Promise<HealthListener> {
  const server = fastify({
    ...noSchemas,
    bodyLimit: 1024,
    requestTimeout: 10_000,
    connectionTimeout: 10_000,
    forceCloseConnections: true,
  });
  const loopback = isLoopback(options.host);
  server.addHook('onRequest', async (request, reply) => {
    if (loopback && !isLoopback(hostName(request.headers.host))) {
      await reply.code(403).send({ error: 'this listener answers only to loopback names' });
    }
  });
  const answer = (reply: FastifyReply, verdict: Verdict): FastifyReply =>
    sendJson(reply, verdict.ok ? 200 : 503, verdict);
  server.get('/livez', (_request, reply) => answer(reply, options.probes.live()));
  server.get('/startupz', (_request, reply) => answer(reply, options.probes.started()));
  server.get('/readyz', (_request, reply) => answer(reply, options.probes.ready()));
  server.get('/statusz', (_request, reply) => sendJson(reply, 200, options.probes.status()));
  const { graphs } = options;
  if (graphs !== undefined) server.get('/graphz', (_request, reply) => sendJson(reply, 200, { hubs: graphs() }));
  server.get('/metrics', async (_request, reply) =>
    reply.type(options.metrics.contentType).send(await options.metrics.text()),
  );
  const endpoints = [
    '/livez',
    '/startupz',
    '/readyz',
    '/statusz',
    ...(graphs === undefined ? [] : ['/graphz']),
    '/metrics',
  ];
  server.setNotFoundHandler((_request, reply) => sendJson(reply, 404, { error: 'not here', endpoints }));
  server.setErrorHandler((_error, _request, reply) => sendJson(reply, 500, { error: 'the probe itself failed' }));

  try {
    await server.listen({ host: options.host, port: options.port });
  } catch (error) {
    await server.close();
    throw listenError(error, options);
  }
  const address = server.server.address();
  const port = typeof address === 'object' && address !== null ? address.port : options.port;
  return {
    url: `http://${isIP(options.host) === 6 ? `[${options.host}]` : options.host}:${port}`,
    port,
    close: async () => {
      await server.close();
    },
  };
}

function sendJson(reply: FastifyReply, code: number, body: object): FastifyReply {
  return reply
    .code(code)
    .header('cache-control', 'no-store')
    .type('application/json')
    .send(`${maskSecrets(JSON.stringify(body))}\n`);
}

function listenError(error: unknown, options: HealthOptions): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (code !== 'EADDRINUSE' && code !== 'EACCES' && code !== 'EADDRNOTAVAIL') return error;
  return new QmError('QM_HEALTH_PORT', { host: options.host, port: options.port, reason: code }, error);
}

/** `localhost:7576`, `[::1]:7576` -> the name alone. */
function hostName(header: string | undefined): string {
  if (header === undefined) return '';
  return header.startsWith('[') ? header.slice(1, header.indexOf(']')) : header.replace(/:\d*$/, '');
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}
