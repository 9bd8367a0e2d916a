/**
 * HT-0.01: the same scripted conversation, once with the server directly and once through the hub. What the client gets and what
 * the server sees may differ only in the edits listed here, which are all that a hub makes.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectHttp, kitMatchers, normalise, startHttpServer } from '../kit/index.ts';
import type { EraName, HttpLink, JsonObject, KitClient, Received, RunningServer, ServerScript } from '../kit/index.ts';
import { mcpHub, mcpServer, startHub } from './support/running-hub.ts';
import type { RunningHub } from './support/running-hub.ts';

expect.extend(kitMatchers);

const upstreamMark = 'dev.quaymaster/upstream';
const serverInfo = 'io.modelcontextprotocol/serverInfo';

/** Edits of what goes to the client: members that the hub adds or replaces. */
const editsTowardClient = [
  // Whose answer it is: the hub stamps itself under the reserved key, and names the server under its own.
  serverInfo,
  upstreamMark,
  // Lists and reads: how long a *hub's* answer may be kept.
  'ttlMs',
  'cacheScope',
  // Lists are the hub's own, made of the entries of all servers: entries keep their members, a server's list does not.
  'vendorList',
];

/** Edits of what goes to the server: the envelope of each hop is the hop's own. */
const editsTowardServer = [
  'io.modelcontextprotocol/protocolVersion',
  'io.modelcontextprotocol/clientInfo',
  'io.modelcontextprotocol/clientCapabilities',
];

/**
 * Two edits that are no members: a `_meta` that holds nothing but edits, and the order of lists, which the hub sorts by name
 * so that it does not depend on which server answered first (HT-0.06).
 */
function settled(value: unknown, list = false): unknown {
  if (Array.isArray(value)) {
    const entries = value.map((one) => settled(one));
    return list ? entries.toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1)) : entries;
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, inner]): [string, unknown] => [key, settled(inner, key === 'tools')])
      .filter(([key, inner]) => key !== '_meta' || Object.keys(inner as object).length > 0),
  );
}

function nameOf(entry: unknown): string {
  return String((entry as JsonObject)['name']);
}

const verbatim = '"big":12345678901234567890,"n":1.0,"e":1E+2,"u":"\\u00fc\\/","deep":{"a":[ [], {} ]}';

const script = (era: EraName): ServerScript => ({
  era,
  serverInfo: { name: 'wonder', version: '3.2.1' },
  tools: [
    {
      name: 'plain',
      title: 'Plain',
      description: 'with\nlines and ünïcode',
      inputSchema: {
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        type: 'object',
        properties: { a: { oneOf: [{ type: 'string' }, { type: 'null' }] } },
        unevaluatedProperties: false,
        'x-vendor': { keep: true },
      },
      annotations: { readOnlyHint: true, vendorHint: 'x' },
      extra: { icons: [{ src: 'https://example.com/i.png' }], _meta: { 'vendor/key': { a: [1] } }, vendorMember: 7 },
    },
    {
      name: 'rich',
      does: {
        content: [
          { type: 'text', text: 'a', annotations: { priority: 0.5 } },
          { type: 'image', data: 'AAAA', mimeType: 'image/png' },
          { type: 'vendor/block', anything: { goes: 1 } },
        ],
        structuredContent: { rows: [1, 2] },
        contentExtra: { vendorBlock: [true] },
        resultExtra: { vendorResult: { x: null } },
        resultMeta: { 'vendor/meta': 1 },
      },
    },
    {
      name: 'verbatim',
      does: { rawResult: `{"content":[],${era === 'modern' ? '"resultType":"complete",' : ''}${verbatim}}` },
    },
    { name: 'link', does: { resourceLink: 'kit://r/1' } },
    { name: 'fails', does: { toolError: 'nope' } },
    { name: 'refuses', does: { error: { code: -32011, message: 'nö', data: { vendor: [1, { deep: true }] } } } },
    {
      name: 'chatty',
      does: {
        progress: { count: 2, message: 'step' },
        notify: [{ method: 'notifications/vendor/news', params: { n: 1 } }],
      },
    },
  ],
  resources: [
    { uri: 'kit://r/1', name: 'one', mimeType: 'text/plain', text: 'first', extra: { size: 5, vendorMember: 1 } },
  ],
  resourceTemplates: [{ uriTemplate: 'kit://t/{x}', name: 'templated', vendorMember: 2 }],
  prompts: [
    { name: 'greet', description: 'greets', arguments: [{ name: 'who', required: true }], extra: { vendorMember: 3 } },
  ],
  completions: ['red', 'green'],
  listExtra: { vendorList: 'kept' },
});

const vendorMeta = { 'vendor/trace': { a: 1 }, 'com.example/x': 'y' };

/** Everything a client may ask of a server, with members no specification knows. */
const conversation: [method: string, params: JsonObject][] = [
  ['tools/list', {}],
  ['resources/list', {}],
  ['resources/templates/list', {}],
  ['prompts/list', {}],
  [
    'tools/call',
    {
      name: 'plain',
      arguments: { a: 'ü', nested: { list: [1, null, 'x'] } },
      vendorParam: { keep: 1 },
      _meta: vendorMeta,
    },
  ],
  ['tools/call', { name: 'plain' }],
  ['tools/call', { name: 'rich', arguments: {} }],
  ['tools/call', { name: 'verbatim', arguments: {} }],
  ['tools/call', { name: 'link', arguments: {} }],
  ['tools/call', { name: 'fails', arguments: {} }],
  ['tools/call', { name: 'refuses', arguments: {} }],
  ['tools/call', { name: 'chatty', arguments: {} }],
  ['resources/read', { uri: 'kit://r/1', vendorParam: 2, _meta: vendorMeta }],
  ['resources/read', { uri: 'kit://t/unlisted' }],
  ['prompts/get', { name: 'greet', arguments: { who: 'you' }, vendorParam: 3, _meta: vendorMeta }],
  ['completion/complete', { ref: { type: 'ref/prompt', name: 'greet' }, argument: { name: 'who', value: 'r' } }],
  ['completion/complete', { ref: { type: 'ref/resource', uri: 'kit://t/{x}' }, argument: { name: 'x', value: 'g' } }],
  ['vendor/echo', { any: { thing: [1, 2] }, _meta: vendorMeta }],
  ['vendor/unknown', {}],
];

interface Told {
  /** What the client got, request by request: notifications, then the answer. */
  readonly client: unknown[];
  readonly statuses: number[];
  readonly raws: string[];
  /** What the server saw of it, in the same order. */
  readonly server: readonly Received[];
}

async function converse(client: KitClient, server: RunningServer): Promise<Told> {
  const from = server.calls.length;
  const got: unknown[] = [];
  const statuses: number[] = [];
  const raws: string[] = [];
  for (const [method, params] of conversation) {
    const chatty = params['name'] === 'chatty';
    const answer = await client.request(method, params, chatty ? { progressToken: 'token' } : {});
    got.push(...answer.notifications, JSON.parse(answer.raw));
    statuses.push(answer.status);
    raws.push(answer.raw);
  }
  return { client: got, statuses, raws, server: server.calls.slice(from) };
}

function fitted(messages: readonly unknown[], ignore: readonly string[]): unknown[] {
  return normalise(messages, { ignore }).map((one) => settled(one));
}

function methodsAndParams(received: readonly Received[]): unknown[] {
  // Lists are answered from the hub's catalog, so the server does not see them asked; probes and pings are the hub's own.
  const asked = new Set(conversation.map(([method]) => method).filter((method) => !method.endsWith('/list')));
  return received
    .filter((one) => asked.has(one.method ?? ''))
    .map((one) => ({ method: one.method, params: one.message['params'] }));
}

describe.each(['modern', 'legacy'] as const)('a %s client and server, alone and with the hub between', (era) => {
  let server: RunningServer;
  let hub: RunningHub;
  let alone: Told;
  let through: Told;

  beforeAll(async () => {
    server = await startHttpServer(script(era));
    hub = await startHub([
      mcpHub({ naming: { strategy: 'none' } }),
      mcpServer('wonder', { source: { remote: { url: server.url } } }),
    ]);
    {
      await using client = await connectHttp(server.url, era);
      alone = await converse(client, server);
    }
    await using client = await connectHttp(hub.url, era);
    through = await converse(client, server);
  });
  afterAll(async () => {
    await hub?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  test('HT-0.01 checklist 17: the client gets the same, message by message, but for the documented edits', () => {
    const edits = [...editsTowardClient, ...editsTowardServer];
    expect(fitted(through.client, edits)).toEqual(fitted(alone.client, edits));
  });

  test('HT-0.01 the HTTP statuses are the same', () => {
    expect(through.statuses).toEqual(alone.statuses);
  });

  test('HT-0.01 the server sees the same, but for the envelope of the hop', () => {
    const seen = (told: Told): unknown[] => fitted(methodsAndParams(told.server), editsTowardServer);
    expect(seen(through)).toEqual(seen(alone));
    expect(seen(through).length).toBeGreaterThan(10);
  });

  test('HT-0.01 results are relayed as text: numbers, escapes and spaces stay as the server wrote them', () => {
    expect(alone.raws.some((raw) => raw.includes(verbatim))).toBe(true);
    expect(through.raws.some((raw) => raw.includes(verbatim))).toBe(true);
  });

  test('HT-0.01 arguments are relayed as text, too', async () => {
    await using client = await connectHttp(hub.url, era);
    const odd = '{ "big" : 12345678901234567890 , "n":1.0,"e":1E+2, "s":"\\u00fc\\/" , "twice":1, "twice":2 }';
    const meta = era === 'modern' ? `,"_meta":${JSON.stringify(client.envelope())}` : '';
    const body = `{"jsonrpc":"2.0","id":"odd","method":"tools/call","params":{"name":"plain","arguments":${odd}${meta}}}`;
    const headers = client.headersFor('tools/call', { name: 'plain' });
    const answer = await (client.link as HttpLink).send('POST', headers, body);
    expect(answer.status).toBe(200);
    expect(server.calls.at(-1)?.raw).toContain(odd);
  });

  test('HT-0.01 the edits are really made: the hub stamps answers with the server they come from', () => {
    const last = JSON.parse(
      through.raws[conversation.findIndex(([method]) => method === 'tools/call')] ?? '{}',
    ) as JsonObject;
    expect((last['result'] as JsonObject)['_meta']).toMatchObject({ [upstreamMark]: 'wonder' });
  });

  test('HT-0.01 vendor notifications of the client reach the only server', async () => {
    await using client = await connectHttp(hub.url, era);
    // A client's own conversation with a legacy server begins with its first call; what comes before has nobody to go to.
    await client.callTool('plain');
    const before = server.recorder.of('notifications/vendor/ping').length;
    expect(await client.notify('notifications/vendor/ping', { any: 1 })).toBe(202);
    await expect.poll(() => server.recorder.of('notifications/vendor/ping').length).toBe(before + 1);
  });
});

/** Across eras the hub converts; the rest still arrives. */
describe.each([
  ['modern', 'legacy'],
  ['legacy', 'modern'],
] as const)('a %s client and a %s server', (clientEra, serverEra) => {
  // The server echoes the envelope it saw: an edit of the other direction, seen from this one.
  const conversion = [...editsTowardClient, ...editsTowardServer, 'resultType'];

  test('HT-0.01 get the same as a client of the server’s own era, but for the documented edits and the conversion', async () => {
    await using server = await startHttpServer(script(serverEra));
    await using hub = await startHub([
      mcpHub({ naming: { strategy: 'none' } }),
      mcpServer('wonder', { source: { remote: { url: server.url } } }),
    ]);
    await using own = await connectHttp(server.url, serverEra);
    const alone = await converse(own, server);
    await using other = await connectHttp(hub.url, clientEra);
    const through = await converse(other, server);
    expect(fitted(through.client, conversion)).toEqual(fitted(alone.client, conversion));
    const seen = (told: Told): unknown[] => fitted(methodsAndParams(told.server), editsTowardServer);
    expect(seen(through)).toEqual(seen(alone));
    expect(through.raws.some((raw) => raw.includes(verbatim))).toBe(true);
  });
});
