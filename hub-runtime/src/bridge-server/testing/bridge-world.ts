/** A running bridge in this process over a small child of either era, and requests to it by hand. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { BridgePodSettings } from '@quaymaster/crds';

import { silentLogger, systemClock } from '../../base/index.ts';
import { createMetricsRegistry, silentObserver } from '../../observe/index.ts';
import { type BridgeOptions, type RunningBridge, runBridge } from '../run-bridge.ts';

/**
 * Tools are methods here (but `ask`, which asks its client): `echo`, `pid`, `hang`, `die`, `later` (answers at the next line), `say` (any notification), `log`. `ERA` decides
 * which handshake it knows; it counts what it is asked.
 */
const program = `
const modern = process.env.ERA === 'modern';
const send = (message) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...message }) + '\\n');
const seen = [];
const waiting = new Map();
let asked = 0;
let told;
let listen;
const capabilities = { tools: { listChanged: true }, resources: { subscribe: true }, logging: {} };
const results = {
  initialize: (params) => (told = params.capabilities, { protocolVersion: '2025-11-25', capabilities, serverInfo: { name: 'child', version: '1' }, instructions: 'hi' }),
  'server/discover': () => ({ supportedVersions: ['2026-07-28'], capabilities, ttlMs: 0, cacheScope: 'private' }),
  ping: () => ({}), echo: (params) => ({ params }), pid: () => ({ pid: process.pid }), seen: () => ({ seen }),
  'resources/subscribe': () => ({}), 'resources/unsubscribe': () => ({}), 'logging/setLevel': () => ({}),
  'tools/list': () => ({ tools: [] }), 'resources/list': () => ({ resources: [] }),
  'resources/templates/list': () => ({ resourceTemplates: [] }),
  say: (params) => {
    if (modern && listen === undefined) return {};
    const _meta = modern ? { _meta: { 'io.modelcontextprotocol/subscriptionId': listen } } : {};
    send({ method: params.method, params: { ...params.params, ..._meta } });
    return {};
  },
};
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params, ...answer } = JSON.parse(line);
  if (method === undefined) return waiting.get(id)?.(answer);
  seen.push(id === undefined ? method + ' ' + JSON.stringify(params ?? null) : method);
  if (id === undefined) return;
  if (method === (modern ? 'initialize' : 'server/discover')) return send({ id, error: { code: -32601, message: 'unknown' } });
  if (method === 'subscriptions/listen') { listen = id; return; }
  if (method === 'die') process.exit(4);
  if (method === 'hang') return;
  if (method === 'steps') for (const progress of [1, 2]) send({ method: 'notifications/progress', params: { progressToken: params._meta.progressToken, progress } });
  if (method === 'tools/call' && params.name === 'ask') {
    const question = 'ask-' + ++asked;
    waiting.set(question, ({ result, error }) => send({ id, result: { said: result ?? error, pid: process.pid, told } }));
    return send({ id: question, method: 'elicitation/create', params: { message: params.arguments.who } });
  }
  const result = method === 'steps' ? {} : results[method]?.(params);
  if (result === undefined) return send({ id, error: { code: -32601, message: 'unknown' } });
  send({ id, result: modern ? { resultType: 'complete', ...result } : result });
}).on('close', () => process.exit(0));
`;

export interface World extends AsyncDisposable {
  readonly bridge: RunningBridge;
  readonly url: string;
  readonly authorization: string;
  readonly folder: string;
  /** A POST; `headers` undefined leaves one out. */
  post(body: unknown, headers?: Readonly<Record<string, string | undefined>>): Promise<Got>;
  /** Opens a legacy session. */
  session(headers?: Readonly<Record<string, string>>): Promise<Session>;
  modern(method: string, params?: object, headers?: Readonly<Record<string, string>>): Promise<Got>;
  fetch(init: RequestInit & { path?: string }): Promise<Response>;
  health(path: string): Promise<{ status: number; body: Record<string, unknown> }>;
}

export interface Session {
  readonly id: string;
  ask(method: string, params?: object, id?: number | string): Promise<Got>;
  tell(method: string, params?: object): Promise<Got>;
  /** GET; events as they come. */
  listen(): Promise<Stream>;
  end(): Promise<number>;
}

export interface Got {
  readonly status: number;
  readonly headers: Headers;
  /** The answer, parsed; of a stream the last event. */
  readonly message: {
    result?: Record<string, unknown>;
    error?: { code: number; message: string; data?: Record<string, unknown> };
  };
  readonly events: readonly Record<string, unknown>[];
}

export interface Stream {
  readonly status: number;
  readonly events: Record<string, unknown>[];
  readonly ended: Promise<void>;
  close(): void;
}

const token = 'a-token-of-this-test';

export interface WorldOptions {
  readonly era?: 'modern' | 'legacy';
  readonly settings?: Partial<BridgePodSettings>;
  readonly options?: Partial<BridgeOptions>;
  /** False: does not wait for the child. */
  readonly ready?: boolean;
}

export async function startWorld({
  era = 'legacy',
  settings = {},
  options = {},
  ready = true,
}: WorldOptions = {}): Promise<World> {
  const folder = mkdtempSync(path.join(tmpdir(), 'qm-bridge-server-'));
  writeFileSync(path.join(folder, 'token'), `${token}\n`);
  let ids = 0;
  const bridge = await runBridge({
    settings: { ...plainSettings, tokenDirectory: folder, protocol: era, ...settings },
    words: [process.execPath, '-e', program],
    env: { PATH: process.env['PATH'], QM_CHILD_ERA: era },
    version: '0.0.0',
    clock: systemClock,
    random: () => 0.1,
    newId: () => `session-${++ids}`,
    log: silentLogger,
    observer: silentObserver,
    metrics: createMetricsRegistry(),
    install: () => Promise.reject(new Error('no package')),
    stderr: () => {},
    host: '127.0.0.1',
    ...options,
  });
  const base = `http://127.0.0.1:${bridge.port}`;
  const health = async (place: string) => {
    const answer = await fetch(`http://127.0.0.1:${bridge.healthPort}/${place}`);
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };
  const send = ({ path: place = '/mcp', headers, ...init }: RequestInit & { path?: string }): Promise<Response> =>
    fetch(base + place, { ...init, headers: { authorization: `Bearer ${token}`, ...(headers as object) } });
  const post: World['post'] = async (body, headers = {}) => {
    const all = { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers };
    const given = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Record<
      string,
      string
    >;
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return read(await send({ method: 'POST', headers: given, body: text }));
  };
  const world: World = {
    bridge,
    url: `${base}/mcp`,
    authorization: `Bearer ${token}`,
    folder,
    post,
    health,
    fetch: send,
    modern: (method, params = {}, headers = {}) => {
      const _meta = {
        'io.modelcontextprotocol/protocolVersion': '2026-07-28',
        'io.modelcontextprotocol/clientCapabilities': {},
        ...(params as { _meta?: object })._meta,
      };
      const body = { jsonrpc: '2.0', id: 'm', method, params: { ...params, _meta } };
      return post(body, { 'mcp-protocol-version': '2026-07-28', 'mcp-method': method, ...headers });
    },
    session: (headers = {}) => openSession(world, headers),
    async [Symbol.asyncDispose]() {
      await bridge.close('the test is over', 0);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  if (ready) await until(async () => (await health('readyz')).status === 200);
  return world;
}

async function openSession(world: World, headers: Readonly<Record<string, string>>): Promise<Session> {
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } };
  const opened = await world.post({ jsonrpc: '2.0', id: 0, method: 'initialize', params }, headers);
  const id = opened.headers.get('mcp-session-id') ?? '';
  const own = { 'mcp-session-id': id, ...headers };
  let next = 0;
  return {
    id,
    ask: (method, given = {}, as = ++next) => world.post({ jsonrpc: '2.0', id: as, method, params: given }, own),
    tell: (method, given = {}) => world.post({ jsonrpc: '2.0', method, params: given }, own),
    listen: () => listen(world, own),
    end: async () => (await world.fetch({ method: 'DELETE', headers: own })).status,
  };
}

async function listen(world: World, headers: Readonly<Record<string, string>>): Promise<Stream> {
  const abort = new AbortController();
  const answer = await world.fetch({
    method: 'GET',
    headers: { accept: 'text/event-stream', ...headers },
    signal: abort.signal,
  });
  const events: Record<string, unknown>[] = [];
  return { status: answer.status, events, ended: pump(answer, events), close: () => abort.abort() };
}

/** Events of a stream as they come, until it ends. */
export async function pump(answer: Response, into: Record<string, unknown>[]): Promise<void> {
  let rest = '';
  try {
    for await (const chunk of answer.body ?? []) {
      const parts = (rest + Buffer.from(chunk).toString('utf8')).split('\n\n');
      rest = parts.pop() ?? '';
      for (const part of parts) into.push(...eventsIn(part));
    }
  } catch {
    // Closed by the test, or cut.
  }
}

function eventsIn(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .flatMap((line) => (line.startsWith('data: ') ? [JSON.parse(line.slice(6)) as Record<string, unknown>] : []));
}

async function read(answer: Response): Promise<Got> {
  const text = await answer.text();
  const isStream = answer.headers.get('content-type')?.startsWith('text/event-stream') === true;
  const all = isStream ? eventsIn(text) : text === '' ? [] : [JSON.parse(text) as Record<string, unknown>];
  return { status: answer.status, headers: answer.headers, message: all.at(-1) ?? {}, events: all.slice(0, -1) };
}

/** Short waits for what another process does. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  // For busy machines: what is waited for comes in milliseconds.
  const end = performance.now() + 20_000;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error('it did not happen');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export const plainSettings: BridgePodSettings = {
  version: 1,
  server: 'default/wonder',
  program: { kind: 'command' },
  protocol: 'auto',
  instances: { mode: 'shared', max: 2 },
  startMs: 10_000,
  drainMs: 1_000,
  port: 0,
  healthPort: 0,
  tokenDirectory: '/nowhere',
  childPrefix: 'QM_CHILD_',
};
