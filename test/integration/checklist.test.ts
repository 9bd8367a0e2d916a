/** Behaviours a hub owes in every cell of old and new clients and servers, over HTTP and stdio, that no other file is about. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { kitMatchers, metaKey, textOf, until } from '../kit/index.ts';
import type { Answer, ClientOptions, EraName, JsonObject, KitClient, ServerScript } from '../kit/index.ts';
import { type FourServers, startFourServers } from './support/four-servers.ts';

expect.extend(kitMatchers);

const eras = ['modern', 'legacy'] as const;
const servers = ['lh', 'ls', 'mh', 'ms'] as const;
const isHttp = (server: string): boolean => server.endsWith('h');

const log = (level: string) => ({ method: 'notifications/message', params: { level, data: level } });
const sample = (maxTokens: number) => ({
  method: 'sampling/createMessage',
  params: { messages: [{ role: 'user', content: { type: 'text', text: 'hi' } }], maxTokens },
});
const ui = { 'io.modelcontextprotocol/ui': { mimeTypes: ['text/html;profile=mcp-app'] } };
let canary = '';

const script = (era: EraName): ServerScript => ({
  era,
  capabilities: {
    tools: { listChanged: true },
    resources: {},
    prompts: {},
    completions: {},
    logging: {},
    extensions: { ...ui, [`vendor/${era}`]: { a: 1 }, 'vendor/both': { [era]: 1 } },
    experimental: { [`lab-${era}`]: {} },
  },
  tools: [
    { name: 'whoami', does: { whoami: true } },
    { name: 'fails', does: { toolError: 'no such luck' } },
    { name: 'logs', does: { notify: [log('debug'), log('info'), log('error')] } },
    { name: 'spends', does: { asks: [sample(60), sample(60)] } },
    { name: 'saves', does: { asks: [sample(60), sample(40)] } },
    {
      name: 'schema',
      inputSchema: {
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        type: 'object',
        $defs: { a: { $ref: `${canary}/schema` } },
        properties: { x: { $ref: '#/$defs/a' }, y: { prefixItems: [{ const: 1 }], unevaluatedItems: false } },
        dependentRequired: { x: ['y'] },
        unevaluatedProperties: false,
      },
    },
  ],
  resources: [{ uri: `own://${era}`, name: 'own' }],
  prompts: [{ name: 'greet', arguments: [{ name: 'who' }] }],
  completions: ['ann', 'anna', 'bob'],
  cacheScope: 'private',
});

let four: FourServers;
let hub: FourServers['hub'];
let http: FourServers['http'];
let fetched: Server;
let fetches = 0;

beforeAll(async () => {
  fetched = createServer((_request, response) => {
    fetches++;
    response.end('{}');
  });
  await new Promise<void>((resolve) => fetched.listen(0, '127.0.0.1', resolve));
  canary = `http://127.0.0.1:${(fetched.address() as AddressInfo).port}`;
  four = await startFourServers(script, {
    hub: { limits: { samplingTokens: 100 } },
    names: ['mh', 'lh', 'ms', 'ls'],
    tools: 24,
  });
  ({ hub, http } = four);
});
afterAll(async () => {
  await four?.[Symbol.asyncDispose]();
  fetched?.close();
});

const connect = (era: EraName, options: ClientOptions = {}): Promise<KitClient> => four.connect(era, options);
const whoami = async (client: KitClient, server: string, options = {}): Promise<JsonObject> =>
  JSON.parse(textOf(await client.callTool(`${server}_whoami`, {}, options))) as JsonObject;

describe.each(eras)('a %s client', (era) => {
  test.each(servers)('checklist 46: a failed tool of %s is a result, never an error', async (server) => {
    await using client = await connect(era);
    const answer = await client.callTool(`${server}_fails`);
    expect(answer).toBeToolError('no such luck');
    expect(answer.status).toBe(200);
  });

  test.each(servers)('checklist 42: completes arguments of prompts of %s', async (server) => {
    await using client = await connect(era);
    const ref = { type: 'ref/prompt', name: `${server}_greet` };
    const { result } = await client.request('completion/complete', { ref, argument: { name: 'who', value: 'an' } });
    expect(result?.['completion']).toMatchObject({ values: ['ann', 'anna'] });
  });

  test.each(servers)(
    'checklist 19: trace context reaches %s, from the request or its headers; what is none does not',
    async (server) => {
      await using client = await connect(era);
      const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
      const meta = async (options: object): Promise<unknown> => (await whoami(client, server, options))['meta'];
      const context = { traceparent, tracestate: 'a=1', baggage: 'user=ann' };
      expect(await meta({ meta: context })).toMatchObject(context);
      expect(await meta({ headers: context })).toMatchObject(context);
      expect((await meta({ headers: { traceparent: 'nonsense' } })) ?? {}).not.toHaveProperty('traceparent');
      expect((await meta({ meta: { traceparent: 'nonsense' } })) ?? {}).not.toHaveProperty('traceparent');
    },
  );

  test('checklist 49: is offered what servers have, and they learn what it declared of it', async () => {
    await using client = await connect(era, { capabilities: { extensions: { ...ui, 'mine/x': {} } } });
    const { extensions, experimental } = client.handshake['capabilities'] as Record<string, JsonObject>;
    expect(extensions).toMatchObject({
      ...ui,
      'vendor/modern': { a: 1 },
      'vendor/legacy': { a: 1 },
      'vendor/both': {},
    });
    expect(experimental).toMatchObject({ 'lab-modern': {}, 'lab-legacy': {} });
    for (const server of servers) {
      if (server === 'ls') continue;
      expect((await whoami(client, server))['clientCapabilities']).toEqual({ extensions: { ...ui, 'mine/x': {} } });
    }
  });

  test.each(servers)(
    'checklist 49: methods beyond the specification reach %s when it is named, and nobody otherwise',
    async (server) => {
      await using client = await connect(era);
      const named = { meta: { 'dev.quaymaster/upstream': server } };
      expect((await client.request('vendor/echo', { a: 'ü' }, named)).result?.['echoed']).toMatchObject({ a: 'ü' });
      expect(await client.request('vendor/echo', { a: 1 })).toBeRpcError(-32601);
      const unknown = await client.request('vendor/unknown', {}, named);
      expect(unknown).toBeRpcError(-32601);
      expect(unknown.status).toBe(era === 'modern' ? 404 : 200);
    },
  );

  test('checklist 44: schemas keep every keyword, and nothing they point at is fetched', async () => {
    await using client = await connect(era);
    for (const tool of (await client.listAll('tools/list')).filter(({ name }) => String(name).endsWith('_schema')))
      expect(tool['inputSchema']).toEqual(script('modern').tools?.at(-1)?.inputSchema);
    expect(fetches).toBe(0);
  });

  test('checklist 40: what is private to one is read anew for the other; lists are read from servers once, whoever asks', async () => {
    const heard = (method: string): number => http.legacy.calls.filter((one) => one.method === method).length;
    const before = { reads: heard('resources/read'), lists: heard('tools/list') };
    const clients = await Promise.all([1, 2, 3, 4].map(() => connect(era)));
    const read = clients.map((client) => client.request('resources/read', { uri: 'own://legacy' }));
    for (const { result, error } of await Promise.all(read)) {
      // Two servers have it: a bare URI leads to neither.
      expect(error?.message ?? JSON.stringify(result)).toContain('own://legacy');
    }
    for (const client of clients) await client.request('resources/read', { uri: 'qm://lh/own://legacy' });
    expect(heard('resources/read') - before.reads).toBe(4);
    await Promise.all(clients.map((client) => client.listAll('tools/list')));
    expect(heard('tools/list')).toBe(before.lists);
    const [one] = clients;
    const listed = await one?.request('tools/list');
    if (era === 'modern') expect(listed?.result).toMatchObject({ cacheScope: 'private' });
    for (const client of clients) await client[Symbol.asyncDispose]();
  });

  test.each(['mh', 'ms'] as const)(
    'EF-28 %s asks for more tokens than one call may cost: its call ends',
    async (server) => {
      await using client = await connect(era, {
        capabilities: { sampling: {} },
        onRequest: () => ({ role: 'assistant', model: 'm', content: { type: 'text', text: 'hello' } }),
      });
      const answer = await client.callTool(`${server}_spends`);
      expect(answer).toBeRpcError(-32603, 'more than 100 tokens');
      expect(answer.error?.data).toMatchObject({ code: 'QM_SAMPLING_BUDGET' });
      const within = await client.callTool(`${server}_saves`);
      if (era === 'legacy') expect(JSON.parse(textOf(within))).toHaveLength(2);
      else expect(within.result?.['resultType']).toBe('input_required');
    },
  );
});

test.each(['lh', 'ls'] as const)(
  'EF-28 %s asks for more tokens than one call may cost: it is refused what is too much',
  async (server) => {
    let asked = 0;
    await using client = await connect('legacy', {
      capabilities: { sampling: {} },
      onRequest: () => {
        asked++;
        return { role: 'assistant', model: 'm', content: { type: 'text', text: 'hello' } };
      },
    });
    expect(textOf(await client.callTool(`${server}_spends`))).toContain('more than 100 tokens');
    expect(asked).toBe(1);
    expect(JSON.parse(textOf(await client.callTool(`${server}_saves`)))).toHaveLength(2);
    expect(asked).toBe(3);
  },
);

test('checklist 14: a modern request ignores a session header; what is no method of the endpoint is 405 with Allow', async () => {
  await using client = await connect('modern');
  const { status, result } = await client.callTool('mh_whoami', {}, { headers: { 'mcp-session-id': 'nobody' } });
  expect([status, result?.['resultType']]).toEqual([200, 'complete']);
  const put = await fetch(hub.url, { method: 'PUT', body: '{}' });
  expect([put.status, put.headers.get('allow')]).toEqual([405, 'GET, POST, DELETE']);
});

test('ping: a legacy client is answered by the hub; a modern one has no such method', async () => {
  await using legacy = await connect('legacy');
  expect((await legacy.request('ping')).result).toEqual({});
  await using modern = await connect('modern');
  expect((await modern.request('ping')).status).toBe(404);
});

describe('checklist 36: logs', () => {
  const levels = ({ notifications }: Answer): unknown[] =>
    notifications.filter(({ method }) => method === 'notifications/message').map(({ params }) => params?.['level']);
  const told = (): unknown[] =>
    http.legacy.calls
      .filter(({ method }) => method === 'logging/setLevel')
      .map(({ message }) => (message['params'] as JsonObject)['level']);

  test.each(servers.filter(isHttp))('of %s reach a modern request that asked, at its level', async (server) => {
    await using client = await connect('modern');
    const logs = (level?: string): Promise<Answer> =>
      client.callTool(`${server}_logs`, {}, level === undefined ? {} : { meta: { [metaKey.logLevel]: level } });
    expect(levels(await logs())).toEqual([]);
    expect(levels(await logs('info'))).toEqual(['info', 'error']);
    expect(levels(await logs('error'))).toEqual(['error']);
    expect(levels(await logs('debug'))).toEqual(['debug', 'info', 'error']);
  });

  test.each(servers.filter(isHttp))('of %s reach a legacy session at the level it set', async (server) => {
    await using client = await connect('legacy');
    await client.request('logging/setLevel', { level: 'info' });
    expect(levels(await client.callTool(`${server}_logs`))).toEqual(['info', 'error']);
    await client.request('logging/setLevel', { level: 'error' });
    expect(levels(await client.callTool(`${server}_logs`))).toEqual(['error']);
    expect(await client.request('logging/setLevel', { level: 'shout' })).toBeRpcError(-32602);
  });

  test('a legacy server hears the level of a session on that session’s own conversation, at once, more or less', async () => {
    await using client = await connect('legacy');
    await client.callTool('lh_whoami');
    const before = told().length;
    await client.request('logging/setLevel', { level: 'debug' });
    await until(() => told().length === before + 1, { because: 'it was told' });
    await client.request('logging/setLevel', { level: 'alert' });
    await until(() => told().length === before + 2, { because: 'it was told again' });
    expect(told().slice(before)).toEqual(['debug', 'alert']);
  });
});
