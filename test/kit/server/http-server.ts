/** Starts a scripted MCP server over Streamable HTTP inside the test's own process. */
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { pause } from './behaviour.ts';
import { HttpEndpoint } from './http-endpoint.ts';
import type { HttpFault } from './http-endpoint.ts';
import { serveOldTransport, serveSockets } from './pipe-endpoint.ts';
import type { PipeEndpoint } from './pipe-endpoint.ts';
import type { Recorder } from './recorder.ts';
import type { JsonObject } from './rpc.ts';
import type { PromptScript, Received, ResourceScript, ServerScript, ToolScript } from './script.ts';
import { ScriptedServer } from './scripted-server.ts';

export interface RunningServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Everything that arrived, in order. */
  readonly calls: readonly Received[];
  readonly recorder: Recorder;
  /** Calls not answered yet. */
  readonly inFlight: number;
  /** Ids of the open legacy sessions. */
  readonly sessions: readonly string[];
  /** Open listen and GET streams. */
  readonly openStreams: number;
  /** To every open session and to every listen that wants it. */
  notify(method: string, params?: JsonObject): void;
  /** Each setter sends the matching `list_changed`, unless silent. */
  setTools(tools: readonly ToolScript[], options?: { silent?: boolean }): void;
  setResources(resources: readonly ResourceScript[], options?: { silent?: boolean }): void;
  setPrompts(prompts: readonly PromptScript[], options?: { silent?: boolean }): void;
  /** Plays a fault on every request until called with `undefined`. */
  fault(fault: HttpFault | undefined): void;
  /** Requests that met one so far. */
  readonly faulted: number;
  /** Forgets all legacy sessions: the next request of each gets 404. Ends open event streams and sockets of the other transports. */
  dropSessions(): void;
  /** Ends every listen stream gracefully, with its result. */
  endListens(): void;
  /** As `kill -9` looks from outside: all connections reset, port closed. */
  kill(): Promise<void>;
  /** Listens again on the same port, without any session. */
  restart(): Promise<void>;
}

export interface HttpServerOptions {
  /** What a scripted crash does. Default: `kill()`, since the test's own process must live on. */
  crash?: (how: 'exit' | 'kill', code: number) => void;
}

export async function startHttpServer(
  script: ServerScript = {},
  options: HttpServerOptions = {},
): Promise<RunningServer> {
  await pause(script.startup?.delayMs ?? 0);
  const server = new ScriptedServer(script, { crash: options.crash ?? (() => void kill()) });
  const endpoint = new HttpEndpoint(server);
  const sockets = new Set<Socket>();
  const http = createServer({ keepAliveTimeout: 60_000, requestTimeout: 0 });
  const { transport, path = '/mcp' } = script.http ?? {};
  const pipes = await serve(http, server, endpoint, transport, path);
  http.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });

  const listen = (port: number): Promise<void> =>
    new Promise((resolve, reject) => {
      http.once('error', reject);
      http.listen(port, script.http?.host ?? '127.0.0.1', () => {
        http.off('error', reject);
        resolve();
      });
    });
  const kill = (): Promise<void> =>
    new Promise((resolve) => {
      if (!http.listening) {
        resolve();
        return;
      }
      http.close(() => resolve());
      for (const socket of sockets) socket.resetAndDestroy();
    });

  await listen(script.http?.port ?? 0);
  const { port } = http.address() as AddressInfo;
  const changed = (list: string, silent: boolean | undefined) => {
    if (silent !== true) server.broadcast(`notifications/${list}/list_changed`);
  };
  return {
    url: `${transport === 'websocket' ? 'ws' : 'http'}://127.0.0.1:${port}${path}`,
    port,
    calls: server.recorder.received,
    recorder: server.recorder,
    get inFlight() {
      return server.running;
    },
    get sessions() {
      return [...endpoint.sessions.keys()];
    },
    get openStreams() {
      if (pipes !== undefined) return pipes.open;
      const listens = server.subscribers.size - endpoint.sessions.size;
      return [...endpoint.sessions.values()].reduce((sum, one) => sum + one.streams.size, listens);
    },
    notify: (method, params) => server.broadcast(method, params),
    setTools(tools, options) {
      server.catalog.setTools(tools);
      changed('tools', options?.silent);
    },
    setResources(resources, options) {
      server.catalog.resources.clear();
      for (const one of resources) server.catalog.resources.set(one.uri, one);
      changed('resources', options?.silent);
    },
    setPrompts(prompts, options) {
      server.catalog.prompts.clear();
      for (const one of prompts) server.catalog.prompts.set(one.name, one);
      changed('prompts', options?.silent);
    },
    fault(fault) {
      endpoint.fault = fault;
    },
    get faulted() {
      return endpoint.faulted;
    },
    dropSessions() {
      endpoint.dropSessions();
      pipes?.drop();
    },
    endListens() {
      for (const one of server.subscribers) one.end?.();
    },
    kill,
    async restart() {
      await kill();
      endpoint.dropSessions();
      await listen(port);
    },
    [Symbol.asyncDispose]: kill,
  };
}

async function serve(
  http: Server,
  server: ScriptedServer,
  endpoint: HttpEndpoint,
  transport: 'sse' | 'websocket' | undefined,
  path: string,
): Promise<PipeEndpoint | undefined> {
  if (transport === 'sse') return serveOldTransport(http, server, path);
  if (transport === 'websocket') return serveSockets(http, server, path);
  http.on('request', (request, response) => endpoint.handle(request, response));
  return undefined;
}
