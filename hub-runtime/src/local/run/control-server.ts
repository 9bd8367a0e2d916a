/**
 * Serves the control API on a Unix socket (a named pipe on Windows) inside the private state directory.
 *
 * Who may open the socket is the user who runs the hub, by the rights of its directory; there is no other check and no TCP port.
 * It is off every path of a call: fastify with its own schema checks serves it.
 */
import { rmSync } from 'node:fs';

import fastify, { type FastifyInstance } from 'fastify';

import type { CallRequest, ControlApi, ObjectKind } from '../control/index.ts';

export interface ControlServer {
  close(): Promise<void>;
}

const bodyLimit = 16 * 1024 * 1024;

export async function startControlServer(socket: string, api: ControlApi): Promise<ControlServer> {
  const server = fastify({ bodyLimit, forceCloseConnections: true });
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
  server.get<{ Params: { kind: ObjectKind } }>(
    '/v1/objects/:kind',
    { schema: { params: { type: 'object', properties: { kind: { enum: ['McpHub', 'McpServer'] } } } } },
    (request) => api.objects(request.params.kind),
  );
}

const callSchema = {
  type: 'object',
  required: ['tool', 'arguments'],
  properties: { tool: { type: 'string' }, arguments: { type: 'object' }, hub: { type: 'string' } },
};
const restartSchema = { type: 'object', required: ['server'], properties: { server: { type: 'string' } } };

function addActions(server: FastifyInstance, api: ControlApi): void {
  server.post<{ Body: CallRequest }>('/v1/call', { schema: { body: callSchema } }, (request) => api.call(request.body));
  server.post<{ Body: { server: string } }>('/v1/restart', { schema: { body: restartSchema } }, async (request) => ({
    found: await api.restart(request.body.server),
  }));
  server.post('/v1/reload', () => api.reload());
  server.post('/v1/stop', () => {
    api.stop();
    return { stopping: true };
  });
}
