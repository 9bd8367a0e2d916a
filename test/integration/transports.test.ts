/**
 * HTTP+SSE and WebSocket on both sides of the hub: each kind of client against each kind of server, the official SDKs as peers, and several
 * replicas. What the edges do with the wire is told by their unit tests; here whole processes talk.
 */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { WebSocketClientTransport } from '@modelcontextprotocol/sdk/client/websocket.js';
import { Server as ServerV1 } from '@modelcontextprotocol/sdk/server/index.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import {
  CallToolRequestSchema,
  ElicitRequestSchema,
  ListToolsRequestSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  connectLegacy,
  connectModern,
  connectSocket,
  connectSse,
  kitMatchers,
  spawnProgram,
  startFaultProxy,
  startHttpServer,
  stdioCommand,
  textOf,
  until,
} from '../kit/index.ts';
import type { EraName, KitClient, RunningServer, ServerScript } from '../kit/index.ts';
import { mcpHub, mcpServer, qm, startHub } from './support/running-hub.ts';
import type { RunningHub } from './support/running-hub.ts';

expect.extend(kitMatchers);

const question = { mode: 'form', message: 'Sure?', requestedSchema: { type: 'object', properties: {} } };

const script = (name: string, era: EraName, transport?: 'sse' | 'websocket'): ServerScript => ({
  era,
  serverInfo: { name, version: '1.0.0' },
  tools: [
    { name: 'echo' },
    { name: 'whoami', does: { whoami: true } },
    { name: 'steps', does: { progress: { count: 3, intervalMs: 2, message: name } } },
    { name: 'hang', does: { hang: true } },
    { name: 'ask', does: { asks: [{ method: 'elicitation/create', params: question }] } },
    { name: 'control', does: { control: true } },
  ],
  ...(transport === undefined ? {} : { http: { transport } }),
});

/** An old server as people wrote it: the SDK's, one transport per stream. */
async function startSdkServer(): Promise<{ url: string; close: () => Promise<void> }> {
  const transports = new Map<string, SSEServerTransport>();
  const http = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://x');
    const session = transports.get(url.searchParams.get('sessionId') ?? '');
    if (request.method === 'GET' && url.pathname === '/sse') {
      const transport = new SSEServerTransport('/messages', response);
      transports.set(transport.sessionId, transport);
      const server = new ServerV1({ name: 'old', version: '1' }, { capabilities: { tools: {} } });
      server.setRequestHandler(ListToolsRequestSchema, () => ({
        tools: [{ name: 'sum', inputSchema: { type: 'object' } }],
      }));
      server.setRequestHandler(CallToolRequestSchema, async ({ params }) => {
        const { action } = await server.elicitInput({
          message: 'Sure?',
          requestedSchema: { type: 'object', properties: {} },
        });
        return { content: [{ type: 'text', text: `${action} ${JSON.stringify(params.arguments)}` }] };
      });
      void server.connect(transport);
    } else if (request.method === 'POST' && session !== undefined) void session.handlePostMessage(request, response);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/sse`,
    close: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
}

const old = ['ls', 'lsse', 'lws'] as const;
const all = [...old, 'mws'] as const;

let hub: RunningHub;
let servers: Record<string, RunningServer>;
let sdk: Awaited<ReturnType<typeof startSdkServer>>;

beforeAll(async () => {
  servers = {
    lsse: await startHttpServer(script('lsse', 'legacy', 'sse')),
    lws: await startHttpServer(script('lws', 'legacy', 'websocket')),
    mws: await startHttpServer(script('mws', 'modern', 'websocket')),
  };
  sdk = await startSdkServer();
  const manifests = [
    mcpHub({ transports: { sse: true, websocket: true } }),
    mcpServer('lsse', { source: { remote: { url: servers['lsse']?.url } } }),
    mcpServer('lws', { source: { remote: { url: servers['lws']?.url } } }),
    mcpServer('mws', { source: { remote: { url: servers['mws']?.url } } }),
    mcpServer('sdk', { source: { remote: { url: sdk.url } }, transport: 'sse' }),
    mcpServer('ls', { source: { command: stdioCommand(script('ls', 'legacy')) } }),
  ];
  // Through a proxy the port is another one.
  hub = await startHub(manifests, { flags: ['--allow-host', '127.0.0.1'] });
  await using first = await connectModern(hub.url);
  await until(async () => (await first.listAll('tools/list')).length === 25, { because: 'all servers are there' });
}, 60_000);

afterAll(async () => {
  await hub?.[Symbol.asyncDispose]();
  for (const one of Object.values(servers ?? {})) await one[Symbol.asyncDispose]();
  await sdk?.close();
});

const asking = { capabilities: { elicitation: {} }, onRequest: () => ({ action: 'accept', content: {} }) };
const clients: readonly { name: string; era: EraName; connect: (options?: typeof asking) => Promise<KitClient> }[] = [
  {
    name: 'HTTP+SSE',
    era: 'legacy',
    connect: (options) => connectSse(`${hub.url}/sse`, { version: '2024-11-05', ...options }),
  },
  {
    name: 'HTTP+SSE with a newer revision',
    era: 'legacy',
    connect: (options) => connectSse(`${hub.url}/sse`, options),
  },
  { name: 'legacy WebSocket', era: 'legacy', connect: (options) => connectSocket(hub.url, 'legacy', options) },
  { name: 'modern WebSocket', era: 'modern', connect: (options) => connectSocket(hub.url, 'modern', options) },
  { name: 'legacy Streamable HTTP', era: 'legacy', connect: (options) => connectLegacy(hub.url, options) },
  { name: 'modern Streamable HTTP', era: 'modern', connect: (options) => connectModern(hub.url, options) },
];

describe.each(clients)('HT-0.03 HT-0.13 HT-0.14 client: $name', ({ name, era, connect }) => {
  test('sees the tools of every server and calls them', async () => {
    await using client = await connect();
    expect((await client.listAll('tools/list')).length).toBe(25);
    for (const server of all) {
      expect(await client.callTool(`${server}_echo`, { text: 'grüße 🌊' })).toBeToolResult('{"text":"grüße 🌊"}');
      const who = JSON.parse(textOf(await client.callTool(`${server}_whoami`, {}))) as object;
      expect(who).toMatchObject({ name: server, era: server.startsWith('m') ? 'modern' : 'legacy' });
    }
  });

  test('gets progress with its own token, in order, and none after the answer', async () => {
    await using client = await connect();
    for (const server of all) {
      const answer = await client.callTool(`${server}_steps`, {}, { id: 'call', progressToken: 'my token' });
      expect(answer.notifications.map((note) => note.params?.['message'])).toEqual(
        [1, 2, 3].map((n) => `${server} ${n}`),
      );
      expect(answer.late).toEqual([]);
    }
  });

  test.each(['lsse', 'lws', 'mws'] as const)('cancels a call of %s: the server is told', async (server) => {
    await using client = await connect();
    const recorder = servers[server]?.recorder;
    const before = recorder?.cancelled.length ?? 0;
    const abort = new AbortController();
    const mark = randomUUID();
    const hanging = client.callTool(`${server}_hang`, { mark }, { signal: abort.signal });
    const arrived = (): boolean => recorder?.received.some(({ raw }) => raw.includes(mark)) === true;
    await until(arrived, { because: 'the call reached the server' });
    abort.abort(new Error('enough'));
    await expect(hanging).rejects.toThrow('enough');
    await until(() => recorder?.cancelled.length === before + 1, { because: 'the server was told once' });
  });

  test('answers the questions of servers', async () => {
    await using client = await connect(asking);
    for (const server of all) {
      let answer = await client.callTool(`${server}_ask`, {});
      if (era === 'modern') {
        const { inputRequests, requestState } = answer.result as { inputRequests: object; requestState: string };
        const inputResponses = Object.fromEntries(
          Object.keys(inputRequests).map((key) => [key, { action: 'accept', content: {} }]),
        );
        answer = await client.request('tools/call', {
          name: `${server}_ask`,
          arguments: {},
          inputResponses,
          requestState,
        });
      }
      expect(JSON.stringify(answer.result), `${name} and ${server}`).toContain('accept');
    }
  });
});

describe('servers', () => {
  test('status says how each is really reached', async () => {
    await using client = await connectModern(hub.url);
    await client.callTool('ls_echo', {});
    const { command, args } = qm('get', 'servers', '-o', 'json', '-f', hub.manifests);
    await using program = spawnProgram(command, [...args, '--state-dir', `${hub.folder}/state`], { cwd: hub.folder });
    await program.ended(15_000);
    const { items } = JSON.parse(program.stdout) as {
      items: { metadata: { name: string }; status: { transport: string } }[];
    };
    expect(Object.fromEntries(items.map(({ metadata, status }) => [metadata.name, status.transport]))).toEqual({
      ls: 'stdio',
      lsse: 'sse',
      lws: 'websocket',
      mws: 'websocket',
      sdk: 'sse',
    });
  });

  test.each(['lsse', 'lws', 'mws'] as const)(
    'a connection of %s that breaks is opened again; the next call works',
    async (server) => {
      await using client = await connectLegacy(hub.url);
      await client.callTool(`${server}_echo`, {});
      servers[server]?.dropSessions();
      await until(async () => (await client.callTool(`${server}_echo`, { again: 1 })).result !== undefined, {
        because: 'it is back',
      });
    },
  );

  test.each(['lsse', 'lws'] as const)('HT-0.06 a new tool of %s is announced', async (server) => {
    await using client = await connectSocket(hub.url, 'legacy');
    await client.callTool(`${server}_control`, { action: 'addTool', tool: { name: 'fresh' } });
    await until(() => client.unasked.some(({ method }) => method === 'notifications/tools/list_changed'), {
      because: 'it was announced',
    });
    await until(async () => (await client.callTool(`${server}_fresh`, {})).result !== undefined, {
      because: 'it is callable',
    });
    await client.callTool(`${server}_control`, { action: 'removeTool', name: 'fresh' });
    await until(async () => (await client.listAll('tools/list')).length === 25, { because: 'it is as before' });
  });

  test('EF-29 many clients of all kinds with equal ids and arguments get their own answers', async () => {
    const many = await Promise.all(clients.flatMap(({ connect }) => [connect(), connect()]));
    const answers = await Promise.all(
      many.flatMap((client, mark) =>
        ['lsse', 'lws', 'mws'].map(async (server) =>
          textOf(await client.callTool(`${server}_echo`, { mark }, { id: `same ${server}` })),
        ),
      ),
    );
    expect(answers).toEqual(many.flatMap((_, mark) => [0, 1, 2].map(() => `{"mark":${mark}}`)));
    await Promise.all(many.map((one) => one.close()));
  });
});

test.each(['lsse', 'lws'])('EF-29 calls of modern callers that ask %s at once wait apart', async (server) => {
  await using client = await connectModern(hub.url, asking);
  const answered = async ({ result }: { result?: unknown }): Promise<string> => {
    const { inputRequests, requestState } = result as { inputRequests: object; requestState: string };
    const inputResponses = Object.fromEntries(
      Object.keys(inputRequests).map((key) => [key, { action: 'accept', content: {} }]),
    );
    const retry = { name: `${server}_ask`, arguments: {}, inputResponses, requestState };
    return JSON.stringify((await client.request('tools/call', retry)).result);
  };
  // The first question of its life says that it asks.
  expect(await answered(await client.callTool(`${server}_ask`, {}))).toContain('accept');
  const rounds = await Promise.all([1, 2, 3, 4].map(() => client.callTool(`${server}_ask`, {})));
  for (const text of await Promise.all(rounds.map((one) => answered(one)))) expect(text).toContain('accept');
});

test('a shared server on one connection asks: every client is asked its own question', async () => {
  const kinds = ['sse', 'websocket'] as const;
  const started = await Promise.all(kinds.map((kind) => startHttpServer(script(kind, 'legacy', kind))));
  await using own = await startHub([
    mcpHub(),
    ...started.map(({ url }, n) =>
      mcpServer(`s${n}`, { source: { remote: { url } }, instances: { mode: 'shared', max: 3 } }),
    ),
  ]);
  const asked: string[] = [];
  const connect = (name: string) =>
    connectLegacy(own.url, {
      capabilities: { elicitation: {} },
      onRequest: () => {
        asked.push(name);
        return { action: 'accept', content: {} };
      },
    });
  const both = [await connect('one'), await connect('two')] as const;
  for (const server of ['s0', 's1']) {
    // The first question of its life says that it asks; from then on its callers are kept apart.
    expect(JSON.stringify((await both[0].callTool(`${server}_ask`, {})).result)).toContain('accept');
    asked.length = 0;
    const answers = await Promise.all(both.map((client) => client.callTool(`${server}_ask`, {})));
    for (const { result } of answers) expect(JSON.stringify(result)).toContain('accept');
    expect(asked.toSorted()).toEqual(['one', 'two']);
  }
  await Promise.all(both.map((client) => client.close()));
  for (const one of started) await one[Symbol.asyncDispose]();
});

describe('HT-0.13 HT-0.14 the official SDK', () => {
  const ways = {
    SSEClientTransport: () => new SSEClientTransport(new URL(`${hub.url}/sse`)),
    WebSocketClientTransport: () => new WebSocketClientTransport(new URL(hub.url.replace(/^http/, 'ws'))),
  };

  test.each(Object.entries(ways))(
    '%s lists, calls, answers questions and hears of changes',
    async (_name, transport) => {
      const client = new ClientV1({ name: 'probe', version: '1' }, { capabilities: { elicitation: {} } });
      client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept', content: {} }));
      const changed: string[] = [];
      client.setNotificationHandler(ToolListChangedNotificationSchema, ({ method }) => void changed.push(method));
      await client.connect(transport() as Parameters<ClientV1['connect']>[0]);
      expect((await client.listTools()).tools).toHaveLength(25);
      const mark = randomUUID();
      const { content } = await client.callTool({ name: 'sdk_sum', arguments: { mark } });
      expect(content).toEqual([{ type: 'text', text: `accept {"mark":"${mark}"}` }]);
      servers['lws']?.setTools([...(script('lws', 'legacy').tools ?? []), { name: 'later' }]);
      await until(() => changed.length > 0, { because: 'the change is heard' });
      servers['lws']?.setTools(script('lws', 'legacy').tools ?? []);
      await until(() => changed.length > 1, { because: 'the way back is heard, too' });
      await client.close();
    },
  );

  test('SSEClientTransport whose connection breaks goes on by itself', async () => {
    await using proxy = await startFaultProxy(`${hub.url}/sse`);
    const client = new ClientV1({ name: 'probe', version: '1' });
    const changed: string[] = [];
    client.setNotificationHandler(ToolListChangedNotificationSchema, ({ method }) => void changed.push(method));
    await client.connect(new SSEClientTransport(new URL(proxy.url)) as Parameters<ClientV1['connect']>[0]);
    expect((await client.callTool({ name: 'ls_echo', arguments: { n: 1 } })).content).toMatchObject([
      { text: '{"n":1}' },
    ]);
    proxy.resetAll();
    await until(() => changed.length > 0, { because: 'it is back and told to look at the lists' });
    expect((await client.callTool({ name: 'lsse_echo', arguments: { n: 2 } })).content).toMatchObject([
      { text: '{"n":2}' },
    ]);
    await client.close();
  });
});
