/**
 * Old and new clients, old and new servers: every tool is visible and callable in all four cells, over HTTP and stdio on both
 * sides, with progress and cancellation; servers that are dead in various ways hurt nobody.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  connectLegacy,
  connectModern,
  fairMs,
  kitMatchers,
  legacyVersions,
  startHttpServer,
  stdioCommand,
  textOf,
  until,
} from '../kit/index.ts';
import type { EraName, KitClient, RunningServer, ServerScript } from '../kit/index.ts';
import { connectHubOverStdio, mcpHub, mcpServer, startHub } from './support/running-hub.ts';
import type { Manifest, RunningHub } from './support/running-hub.ts';

expect.extend(kitMatchers);

const script = (name: string, era: EraName): ServerScript => ({
  era,
  serverInfo: { name, version: '1.0.0' },
  tools: [
    { name: 'echo' },
    { name: 'whoami', does: { whoami: true } },
    { name: 'steps', does: { progress: { count: 5, intervalMs: 2, message: name } } },
    { name: 'hang', does: { hang: true } },
    { name: 'control', does: { control: true } },
  ],
});

interface World extends AsyncDisposable {
  readonly manifests: Manifest[];
  readonly modern: RunningServer;
  readonly legacy: RunningServer;
}

const living = ['legacyhttp', 'legacystdio', 'modernhttp', 'modernstdio'] as const;

/** Two HTTP servers here, two stdio servers in children of the hub, and five that never work. */
async function startWorld(): Promise<World> {
  const modern = await startHttpServer(script('modernhttp', 'modern'));
  const legacy = await startHttpServer(script('legacyhttp', 'legacy'));
  const gone = await startHttpServer();
  await gone.kill();
  const silent = await startHttpServer({ startup: { silentOnDiscover: true, silentOnInitialize: true } });
  const broken = await startHttpServer();
  broken.fault(500);
  const manifests = [
    mcpHub(),
    mcpServer('modernhttp', { source: { remote: { url: modern.url } } }),
    mcpServer('legacyhttp', { source: { remote: { url: legacy.url } } }),
    mcpServer('modernstdio', { source: { command: stdioCommand(script('modernstdio', 'modern')) } }),
    mcpServer('legacystdio', { source: { command: stdioCommand(script('legacystdio', 'legacy')) } }),
    mcpServer('deadgone', { source: { remote: { url: gone.url } } }),
    mcpServer('deadsilent', { source: { remote: { url: silent.url } } }),
    mcpServer('deadbroken', { source: { remote: { url: broken.url } } }),
    mcpServer('deadexit', {
      source: { command: stdioCommand({ startup: { exit: { code: 3, stderr: 'no licence' } } }) },
    }),
    mcpServer('deadrubbish', {
      source: { command: { command: process.execPath, args: ['-e', 'setInterval(() => console.log("rubbish"), 50)'] } },
    }),
  ];
  return {
    manifests,
    modern,
    legacy,
    async [Symbol.asyncDispose]() {
      await Promise.all([modern, legacy, silent, broken].map((one) => one[Symbol.asyncDispose]()));
    },
  };
}

const expectedTools = living.flatMap((server) =>
  ['control', 'echo', 'hang', 'steps', 'whoami'].map((tool) => `${server}_${tool}`),
);

async function names(client: KitClient): Promise<string[]> {
  const tools = await client.listAll('tools/list');
  return tools.map((tool) => String(tool['name'])).toSorted((a, b) => (a < b ? -1 : 1));
}

describe('one hub, every kind of server, five dead ones', () => {
  let world: World;
  let hub: RunningHub;
  beforeAll(async () => {
    world = await startWorld();
    hub = await startHub(world.manifests);
    // The first list of a hub's life may wait a moment for servers that are still starting; no other may.
    await using first = await connectModern(hub.url);
    const from = performance.now();
    await first.listAll('tools/list');
    expect(performance.now() - from).toBeLessThan(fairMs(4_000));
  });
  afterAll(async () => {
    await hub?.[Symbol.asyncDispose]();
    await world?.[Symbol.asyncDispose]();
  });

  const clients: { name: string; era: EraName; connect: () => Promise<KitClient> }[] = [
    { name: 'modern over HTTP', era: 'modern', connect: () => connectModern(hub.url) },
    ...legacyVersions.map((version) => ({
      name: `legacy ${version} over HTTP`,
      era: 'legacy' as const,
      connect: () => connectLegacy(hub.url, { version }),
    })),
  ];

  describe.each(clients)('client: $name', ({ era, connect }) => {
    test('EF-22 X-01 lists all tools of the living servers at once, whatever the dead ones do', async () => {
      await using client = await connect();
      const from = performance.now();
      expect(await names(client)).toEqual(expectedTools);
      expect(performance.now() - from).toBeLessThan(fairMs(1_000));
    });

    test.each(living)('calls %s, which sees a client of its own era', async (server) => {
      await using client = await connect();
      expect(await client.callTool(`${server}_echo`, { text: 'grüße 🌊' })).toBeToolResult('{"text":"grüße 🌊"}');
      const who = JSON.parse(textOf(await client.callTool(`${server}_whoami`, {}))) as { name: string; era: string };
      expect(who).toMatchObject({ name: server, era: server.startsWith('modern') ? 'modern' : 'legacy' });
    });

    test.each(living)(
      'gets progress from %s in order, with its own token, and none after the answer',
      async (server) => {
        await using client = await connect();
        const answer = await client.callTool(`${server}_steps`, {}, { id: 'call', progressToken: 'my token' });
        expect(answer.notifications.map((note) => note.params)).toEqual(
          [1, 2, 3, 4, 5].map((step) => ({
            progressToken: 'my token',
            progress: step,
            total: 5,
            message: `${server} ${step}`,
          })),
        );
        expect(answer.late).toEqual([]);
        expect(answer.id).toBe('call');
      },
    );

    test.each(living)('cancels a call of %s: the server is told within 500 ms', async (server) => {
      await using client = await connect();
      const cancelled = async (): Promise<number> => {
        if (server === 'modernhttp') return world.modern.recorder.cancelled.length;
        if (server === 'legacyhttp') return world.legacy.recorder.cancelled.length;
        const told = JSON.parse(textOf(await client.callTool(`${server}_control`, { action: 'calls' }))) as {
          cancelled: unknown[];
        };
        return told.cancelled.length;
      };
      const arrived = async (): Promise<boolean> => {
        if (server === 'modernhttp') return world.modern.inFlight > 0;
        if (server === 'legacyhttp') return world.legacy.inFlight > 0;
        return textOf(await client.callTool(`${server}_control`, { action: 'calls' })).includes('hanging here');
      };
      const before = await cancelled();
      const abort = new AbortController();
      const hanging = client.callTool(`${server}_hang`, { mark: 'hanging here' }, { signal: abort.signal });
      await until(arrived, { because: 'the call reached the server' });
      abort.abort(new Error('enough'));
      await expect(hanging).rejects.toThrow('enough');
      await until(async () => (await cancelled()) === before + 1, {
        because: 'the server was told once',
        timeoutMs: 500,
      });
    });

    test('X-01 a tool of a dead server fails quickly, and the error says which server and why', async () => {
      await using client = await connect();
      const from = performance.now();
      expect(await client.callTool('deadexit_echo')).toBeRpcError(-32603, /"deadexit" is not available.*no licence/);
      expect(performance.now() - from).toBeLessThan(fairMs(2_000));
      expect(await client.callTool('nobody_echo')).toBeRpcError(-32602, 'nobody_echo');
    });

    test('answers carry what the era demands and say where they come from', async () => {
      await using client = await connect();
      for (const server of living) {
        const { result } = await client.callTool(`${server}_echo`);
        expect(result?.['resultType']).toBe(era === 'modern' ? 'complete' : undefined);
        expect(result?.['_meta']).toMatchObject({ 'dev.quaymaster/upstream': server });
      }
    });
  });

  test.each(['modern', 'legacy'] as const)(
    'HT-0.06 a tool added by any server is announced to a %s client and callable',
    async (era) => {
      await using client = era === 'modern' ? await connectModern(hub.url) : await connectLegacy(hub.url);
      for (const server of living) {
        using changes = await client.openStream({ toolsListChanged: true });
        const added = `added_for_${era}`;
        await client.callTool(`${server}_control`, { action: 'addTool', tool: { name: added } });
        await until(() => changes.messages.some((note) => note.method === 'notifications/tools/list_changed'), {
          because: `the new tool of ${server} was announced`,
        });
        await until(async () => (await names(client)).includes(`${server}_${added}`), {
          because: 'the new tool is listed',
        });
        expect(await client.callTool(`${server}_${added}`, { a: 1 })).toBeToolResult('{"a":1}');
        await client.callTool(`${server}_control`, { action: 'removeTool', name: added });
        await until(async () => !(await names(client)).includes(`${server}_${added}`), {
          because: 'the tool is gone again',
        });
      }
    },
  );
});

describe.each(['modern', 'legacy'] as const)('a %s client on the stdio of `qm up --stdio`', (era) => {
  test('lists and calls every living server, with progress', async () => {
    await using world = await startWorld();
    await using client = await connectHubOverStdio(world.manifests, era);
    await until(async () => (await names(client)).length === expectedTools.length, {
      because: 'every living server is listed',
      timeoutMs: 15_000,
    });
    expect(await names(client)).toEqual(expectedTools);
    for (const server of living) {
      const answer = await client.callTool(`${server}_steps`, { n: 1 }, { progressToken: 'p' });
      expect(answer).toBeToolResult('{"n":1}');
      expect(answer.notifications.map((note) => note.params?.['progress'])).toEqual([1, 2, 3, 4, 5]);
    }
    // Nothing but messages on stdout.
    expect(client.transcript.entries.flatMap((entry) => entry.text ?? [])).toEqual([]);
  });
});
