/**
 * Serves the control API on a Unix socket (a named pipe on Windows) inside the private state directory.
 *
 * Who may open the socket is the user who runs the hub, by the rights of its directory; there is no other check and no TCP port.
 * Bodies are checked by hand: a single route schema would have a validator compiled at every start.
 */
import { rmSync } from 'node:fs';

import { fastify, type FastifyInstance, type FastifyRequest } from 'fastify';

import { noSchemas } from '../../http-routes/index.ts';
import type { ControlApi } from '../control/index.ts';
import { isRecord } from '../load/index.ts';

export interface ControlServer {
  close(): Promise<void>;
}

const bodyLimit = 16 * 1024 * 1024;

export async function startControlServer(socket: string, api: ControlApi): Promise<ControlServer> {
  const server = fastify({ ...noSchemas, bodyLimit, forceCloseConnections: true });
  addReads(server, api);
  addActions(server, api);
  if (process.platform !== 'win32') rmSync(socket, { force: true });
  await server.listen({ path: socket });
  return { close: () => server.close() };
}

function addReads(server: FastifyInstance, api: ControlApi): void {
  server.get('/v1/info', () => api.info());
  server.get('/v1/hubs', () => api.hubs());
  server.get('/v1/servers', () => api.servers());
  server.get<{ Querystring: { hub?: string } }>('/v1/tools', (request) => api.tools(request.query.hub));
  server.get<{ Querystring: { hub?: string } }>('/v1/graphs', (request) => api.graphs(request.query.hub));
  server.get('/v1/objects/McpHub', () => api.objects('McpHub'));
  server.get('/v1/objects/McpServer', () => api.objects('McpServer'));
}

function addActions(server: FastifyInstance, api: ControlApi): void {
  server.post('/v1/call', (request, reply) => {
    const { tool, arguments: args, hub } = bodyOf(request);
    if (typeof tool !== 'string' || !isRecord(args) || (hub !== undefined && typeof hub !== 'string'))
      return reply.code(400).send({ error: 'a call has a tool and arguments' });
    return api.call({ tool, arguments: args, ...(hub === undefined ? {} : { hub }) });
  });
  server.post('/v1/restart', async (request, reply) => {
    const { server: key } = bodyOf(request);
    if (typeof key !== 'string') return reply.code(400).send({ error: 'name the server' });
    return { found: await api.restart(key) };
  });
  server.post('/v1/reload', () => api.reload());
  server.post('/v1/stop', () => {
    api.stop();
    return { stopping: true };
  });
}

function bodyOf(request: FastifyRequest): Readonly<Record<string, unknown>> {
  return isRecord(request.body) ? request.body : {};
}
