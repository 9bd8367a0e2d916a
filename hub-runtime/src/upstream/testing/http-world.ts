/** A conversation over real sockets with a server that answers whatever the test writes. */
import type { ServerConfig } from '@quaymaster/crds';

import { silentLogger, systemClock } from '../../base/index.ts';
import type { Outcome, ServerTarget } from '../../exchange/index.ts';
import { silentObserver } from '../../observe/index.ts';
import { ConnectError, type Connector, type ConnectRequest, type Conversation } from '../conversation.ts';
import { createHttpConnector, createHttpPool } from '../http/index.ts';
import { makeCall, serverConfig } from './settings.ts';
import { startTinyServer, type TinyReply, type TinyRequest, type TinyServer } from './tiny-server.ts';

const cleanups: (() => Promise<unknown>)[] = [];
/** Ends everything a test opened. */
export async function closeWorld(): Promise<void> {
  for (const one of cleanups.splice(0).toReversed()) await one();
}

export const discovery = {
  resultType: 'complete',
  supportedVersions: ['2026-07-28'],
  capabilities: { tools: {} },
  instructions: 'be kind',
  _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'tiny', version: '1' } },
};
export const initialized = {
  protocolVersion: '2025-06-18',
  capabilities: { tools: {} },
  serverInfo: { name: 'tiny', version: '1' },
};
export const legacyRefusal: TinyReply = { status: 400, error: { code: -32_000, message: 'Bad Request: unsupported' } };

export type Answer = (request: TinyRequest) => TinyReply | undefined;

/** A modern server; `calls` answers what is not the handshake. */
export const modern =
  (calls: Answer = () => ({ result: { resultType: 'complete' } })): Answer =>
  (request) =>
    request.message.method === 'server/discover' ? { result: discovery } : calls(request);

/** A legacy server with one session after the other: `s1`, `s2`... `alive` says which are known. */
export function legacy(
  calls: Answer = () => ({ result: {} }),
  state = { opened: 0, alive: new Set<string>(), get: false },
) {
  const answer: Answer = (request) => {
    const { method, id } = request.message;
    const session = request.headers['mcp-session-id'];
    if (method === 'server/discover') return legacyRefusal;
    if (method === 'initialize') {
      const opened = `s${++state.opened}`;
      state.alive.add(opened);
      return { result: initialized, headers: { 'mcp-session-id': opened } };
    }
    if (typeof session !== 'string' || !state.alive.has(session))
      return { status: 404, error: { code: -32_001, message: 'Session not found' } };
    if (request.verb === 'DELETE') {
      state.alive.delete(session);
      return { status: 200 };
    }
    if (request.verb === 'GET') return state.get ? { events: [], open: true } : { status: 405 };
    return id === undefined ? undefined : calls(request);
  };
  return { answer, state };
}

export interface Options {
  readonly config?: Partial<ServerConfig>;
  readonly headers?: Record<string, string>;
  readonly connections?: number;
  readonly request?: Partial<ConnectRequest>;
  readonly target?: Partial<Extract<ServerTarget, { kind: 'http' }>>;
}

/** A server of its own, closed with the test. */
export async function serve(answer: Answer): Promise<TinyServer & { readonly address: string }> {
  const server = await startTinyServer(answer);
  cleanups.push(() => server.close());
  return Object.assign(server, { address: `127.0.0.1:${server.port}` });
}

export function connectorTo(url: string, { config = {}, headers = {}, target = {}, connections = 8 }: Options = {}) {
  const pool = createHttpPool({ connectionsPerOrigin: connections });
  cleanups.push(async () => pool.close());
  const made = createHttpConnector(
    () => serverConfig(config),
    { kind: 'http', url, headers, ...target },
    {
      clock: systemClock,
      random: () => 0,
      log: silentLogger,
      observer: silentObserver,
      http: pool,
      hubInfo: { name: 'quaymaster', version: '0.0.0' },
    },
  );
  return { pool, connector: made };
}

export async function connector(answer: Answer, options: Options = {}) {
  const server = await serve(answer);
  return { server, ...connectorTo(server.url, options) };
}

async function openWith<T extends { readonly connector: Connector }>(made: T, options: Options) {
  const request = { purpose: 'primary' as const, caller: undefined, verdict: undefined, ...options.request };
  const conversation = await made.connector.connect(request, new AbortController().signal);
  cleanups.push(() => conversation.close('end of test'));
  return { ...made, conversation };
}

export const open = async (answer: Answer, options: Options = {}) =>
  openWith(await connector(answer, options), options);
/** `url`: of the Service. Nobody listens there. */
export const openTo = (options: Options, url = 'http://files-server.default.svc:8080/mcp') =>
  openWith(connectorTo(url, options), options);

export const refusal = async (promise: Promise<unknown>): Promise<ConnectError> => {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ConnectError)) throw new Error('expected a ConnectError');
  return error;
};

export const connectTo = async (answer: Answer, options: Options = {}): Promise<Conversation> =>
  (await open(answer, options)).conversation;
export const call = (
  conversation: Conversation,
  one = makeCall('tools/call', { name: 'echo', arguments: {} }),
): Promise<Outcome> => conversation.send(one.call);
export const methods = (server: TinyServer): string[] => server.requests.map((one) => one.message.method ?? one.verb);

export const progress = (token: unknown, n: number) => ({
  jsonrpc: '2.0',
  method: 'notifications/progress',
  params: { progressToken: token, progress: n },
});
export const complete = (id: unknown) => ({ jsonrpc: '2.0', id, result: { resultType: 'complete', ok: true } });
