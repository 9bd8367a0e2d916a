/**
 * Subscriptions to single resources: `resources/subscribe` of old clients and `subscriptions/listen` of new ones lead to either kind of server,
 * once for all who want the same, and exactly those hear of a change. They outlive the server's restarts.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectLegacy, connectModern, startHttpServer, stdioCommand, until } from '../kit/index.ts';
import type { EraName, EventStream, KitClient, RunningServer, ServerScript } from '../kit/index.ts';
import { mcpHub, mcpServer, startHub, writeManifests } from './support/running-hub.ts';
import type { Manifest, RunningHub } from './support/running-hub.ts';

const script = (name: string, era: EraName): ServerScript => ({
  era,
  tools: [
    { name: 'control', does: { control: true } },
    { name: 'die', does: { crash: { with: 'kill' } } },
  ],
  resources: ['a', 'b', 'grüße'].map((one) => ({ uri: `kit://${name}/${one}`, name: one })),
});
const servers = ['legacyhttp', 'legacystdio', 'modernhttp', 'modernstdio'] as const;

let hub: RunningHub;
let http: Record<'modernhttp' | 'legacyhttp', RunningServer>;
let manifests: Manifest[];

beforeAll(async () => {
  http = {
    modernhttp: await startHttpServer(script('modernhttp', 'modern')),
    legacyhttp: await startHttpServer(script('legacyhttp', 'legacy')),
  };
  manifests = [
    mcpHub(),
    mcpServer('modernhttp', { source: { remote: { url: http.modernhttp.url } } }),
    mcpServer('legacyhttp', { source: { remote: { url: http.legacyhttp.url } } }),
    mcpServer('modernstdio', { source: { command: stdioCommand(script('modernstdio', 'modern')) } }),
    mcpServer('legacystdio', { source: { command: stdioCommand(script('legacystdio', 'legacy')) } }),
    mcpServer('silent', {
      source: {
        command: stdioCommand({
          resources: [{ uri: 'kit://silent/a', name: 'a' }],
          capabilities: { tools: {}, resources: {} },
        }),
      },
    }),
  ];
  hub = await startHub(manifests, { flags: ['--watch'] });
  await using first = await connectModern(hub.url);
  await until(async () => (await first.listAll('resources/list')).length === 13, { because: 'all are listed' });
});
afterAll(async () => {
  await hub?.[Symbol.asyncDispose]();
  for (const one of Object.values(http ?? {})) await one[Symbol.asyncDispose]();
});

interface Reader extends AsyncDisposable {
  readonly client: KitClient;
  /** URIs that were told of as changed, in order. */
  heard(): unknown[];
}

/** Somebody who has subscribed to these. */
async function reader(era: EraName, ...uris: string[]): Promise<Reader> {
  const client = await (era === 'modern' ? connectModern : connectLegacy)(hub.url);
  let stream: EventStream;
  if (era === 'legacy') {
    stream = await client.openStream();
    for (const uri of uris) expect((await client.request('resources/subscribe', { uri })).result).toEqual({});
  } else {
    stream = await client.openStream({ resourceSubscriptions: uris });
    await until(() => stream.messages.length > 0, { because: 'it is acknowledged' });
    expect(stream.messages[0]).toMatchObject({
      method: 'notifications/subscriptions/acknowledged',
      params: { notifications: { resourceSubscriptions: uris } },
    });
  }
  return {
    client,
    heard: () =>
      stream.messages
        .filter((one) => one.method === 'notifications/resources/updated')
        .map((one) => one.params?.['uri']),
    async [Symbol.asyncDispose]() {
      stream[Symbol.dispose]();
      // A session that is only left keeps what it asked for until it has been idle for too long.
      if (era === 'legacy') await client.endSession();
      await client.close();
    },
  };
}

async function update(server: string, uri: string): Promise<void> {
  await using client = await connectModern(hub.url);
  await client.callTool(`${server}_control`, { action: 'updated', uri });
}

/** Subscriptions as the server has them now: how often asked, minus how often ended. */
async function asked(server: string): Promise<string[]> {
  await using client = await connectModern(hub.url);
  const { result } = await client.callTool(`${server}_control`, { action: 'calls' });
  const { calls } = JSON.parse((result as { content: [{ text: string }] }).content[0].text) as {
    calls: { method: string; raw: string }[];
  };
  return calls.flatMap(({ method, raw }) => {
    if (method === 'resources/subscribe' || method === 'resources/unsubscribe') {
      const { uri } = (JSON.parse(raw) as { params: { uri: string } }).params;
      return [`${method === 'resources/subscribe' ? '+' : '-'}${uri}`];
    }
    return [];
  });
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 150));

describe.each(servers)('resources of %s', (server) => {
  const a = `kit://${server}/a`;
  const b = `kit://${server}/b`;
  const umlaut = `kit://${server}/grüße`;

  test.each(['modern', 'legacy'] as const)(
    'HT-0.07 checklist 35: a %s client hears of those it asked for, nobody else does',
    async (era) => {
      await using one = await reader(era, a, umlaut);
      await using other = await reader(era === 'modern' ? 'legacy' : 'modern', b);
      for (const uri of [a, b, umlaut]) await update(server, uri);
      await until(() => one.heard().length === 2 && other.heard().length === 1, { because: 'the changes are told' });
      await settle();
      expect([one.heard(), other.heard()]).toEqual([[a, umlaut], [b]]);
    },
  );

  test('checklist 35: it is asked once for all, and told of the end after the last', async () => {
    // What the tests before asked for is given back.
    await until(
      async () => (await asked(server)).reduce((open, one) => open + (one.startsWith('+') ? 1 : -1), 0) === 0,
      {
        because: 'nobody is subscribed',
      },
    );
    const before = (await asked(server)).length;
    const readers = [await reader('legacy', a), await reader('modern', a), await reader('legacy', a)];
    await update(server, a);
    await until(() => readers.every((one) => one.heard().length === 1), { because: 'all of them hear' });
    const isLegacy = server.startsWith('legacy');
    if (isLegacy) expect((await asked(server)).slice(before)).toEqual([`+${a}`]);
    const [first, second, third] = readers;
    await first?.client.request('resources/unsubscribe', { uri: a });
    await second?.[Symbol.asyncDispose]();
    await settle();
    await update(server, a);
    await until(() => third?.heard().length === 2, { because: 'the last one still hears' });
    expect(first?.heard()).toHaveLength(1);
    if (isLegacy) expect((await asked(server)).slice(before)).toEqual([`+${a}`]);
    await third?.client.endSession();
    await until(async () => !isLegacy || (await asked(server)).slice(before).length === 2, {
      because: 'nobody wants it',
    });
    if (isLegacy) expect((await asked(server)).slice(before)).toEqual([`+${a}`, `-${a}`]);
    await update(server, a);
    await settle();
    expect([first?.heard().length, third?.heard().length]).toEqual([1, 2]);
    for (const one of [first, third]) await one?.[Symbol.asyncDispose]();
  });

  test('after a restart of the server: they are told that it may have changed, and hear of the next change', async () => {
    await using old = await reader('legacy', a);
    await using young = await reader('modern', a);
    const readers = [old, young];
    if (server === 'legacyhttp' || server === 'modernhttp') {
      await http[server].kill();
      await http[server].restart();
    } else {
      await using client = await connectModern(hub.url);
      await client.callTool(`${server}_die`).catch(() => undefined);
    }
    await until(() => readers.every((one) => one.heard().length > 0), {
      because: 'what may have changed is told',
      timeoutMs: 20_000,
    });
    await settle();
    const counts = readers.map((one) => one.heard().length);
    await until(
      async () => {
        await update(server, a);
        await settle();
        return readers.every((one, n) => one.heard().length > (counts[n] ?? 0));
      },
      { because: 'the next change is told' },
    );
  });
});

test('what nobody tells of is refused (legacy), or left out of the acknowledgement (modern)', async () => {
  await using legacy = await connectLegacy(hub.url);
  for (const uri of ['kit://silent/a', 'kit://nowhere/at-all']) {
    const { error } = await legacy.request('resources/subscribe', { uri });
    expect(error?.code).toBeLessThan(0);
  }
  expect((await legacy.request('resources/subscribe', {})).error?.code).toBe(-32602);
  expect((await legacy.request('resources/unsubscribe', { uri: 'kit://never/asked' })).result).toEqual({});
  await using modern = await connectModern(hub.url);
  using stream = await modern.openStream({
    toolsListChanged: true,
    resourceSubscriptions: ['kit://silent/a', 'kit://modernhttp/a', 'kit://nowhere/at-all'],
  });
  await until(() => stream.messages.length > 0, { because: 'it is acknowledged' });
  expect(stream.messages[0]?.params?.['notifications']).toEqual({
    toolsListChanged: true,
    resourceSubscriptions: ['kit://modernhttp/a'],
  });
});

test('a new configuration: subscriptions go on with the new server', async () => {
  await using one = await reader('legacy', 'kit://modernstdio/a');
  const changed = manifests.map((manifest) =>
    manifest.metadata.name === 'modernstdio'
      ? { ...manifest, spec: { ...manifest.spec, env: [{ name: 'X', value: '1' }] } }
      : manifest,
  );
  writeManifests(hub.manifests, changed);
  await until(() => one.heard().length > 0, { because: 'it may have changed', timeoutMs: 20_000 });
  await until(
    async () => {
      const before = one.heard().length;
      await update('modernstdio', 'kit://modernstdio/a').catch(() => undefined);
      await settle();
      return one.heard().length > before;
    },
    { because: 'the next change is told', timeoutMs: 10_000 },
  );
});
