/**
 * HT-0.10: hubs behind hubs. Three levels deep by name in one process and by URL over processes; questions, progress and cancellation cross
 * all of them; circles over URLs are found by the hubs themselves.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectHttp, spawnProgram, startHttpServer, until } from '../kit/index.ts';
import type { EraName, JsonObject, KitClient, RunningServer } from '../kit/index.ts';
import { mcpHub, mcpServer, qm, startHub, writeManifests } from './support/running-hub.ts';
import type { Manifest, RunningHub } from './support/running-hub.ts';

const question = {
  method: 'elicitation/create',
  params: {
    mode: 'form',
    message: 'your name?',
    requestedSchema: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] },
  },
};
const reply = { action: 'accept', content: { name: 'Ann' } };

function named(name: string, include: readonly string[], spec: JsonObject = {}): Manifest {
  return { ...mcpHub({ servers: { include: [...include] }, ...spec }), metadata: { name } };
}

const toolsOf = async (client: KitClient): Promise<string[]> =>
  (await client.listAll('tools/list')).map((tool) => String(tool['name'])).toSorted();

interface Listed {
  readonly items: {
    metadata: { name: string };
    status: { conditions: { type: string; reason: string; message: string }[] };
  }[];
}

/** What `qm get -o json` says. */
async function asked(hub: RunningHub, what: 'hubs' | 'servers'): Promise<Listed> {
  const { command, args } = qm('get', what, '--state-dir', `${hub.folder}/state`, '-o', 'json');
  const program = spawnProgram(command, args, { cwd: hub.folder });
  await program.ended(20_000);
  return JSON.parse(program.stdout) as Listed;
}

const listed = (client: KitClient, ...names: string[]) =>
  until(async () => (await toolsOf(client)).join() === names.toSorted().join(), {
    because: `${names.join()} are listed`,
    timeoutMs: 20_000,
  });

describe.each(['modern', 'legacy'] satisfies EraName[])('three levels, %s server', (serverEra) => {
  let server: RunningServer;
  let inner: RunningHub;
  let outer: RunningHub;

  beforeAll(async () => {
    server = await startHttpServer({
      era: serverEra,
      tools: [
        { name: 'echo' },
        { name: 'steps', does: { progress: { count: 3, intervalMs: 5 } } },
        { name: 'hangs', does: { hang: true } },
        {
          name: 'asks',
          does: { asks: [question] },
        },
      ],
      resources: [{ uri: 'kit://r', name: 'r', text: 'content' }],
    });
    // The third level is a process of its own; the second stands in front of it by URL, and the first by the name of the second.
    inner = await startHub([named('third', ['deep']), mcpServer('deep', { source: { remote: { url: server.url } } })]);
    outer = await startHub([
      named('first', ['two'], { control: { ops: true } }),
      named('second', ['three']),
      mcpServer('two', { source: { hub: { name: 'second' } } }),
      mcpServer('three', { source: { hub: { url: inner.url } } }),
    ]);
  });
  afterAll(async () => {
    await outer?.[Symbol.asyncDispose]();
    await inner?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  const all = ['asks', 'echo', 'hangs', 'steps'].map((name) => `two_three_deep_${name}`);

  test.each(['modern', 'legacy'] satisfies EraName[])('HT-0.10 names, calls and resources, %s client', async (era) => {
    await using client = await connectHttp(outer.url, era);
    await listed(client, ...all);
    const [item] = await client.listAll('tools/list');
    const meta = item?.['_meta'] as Record<string, string>;
    expect(meta['dev.quaymaster/hops']).toMatch(/^second~[0-9a-f]{8},third~[0-9a-f]{8}$/);
    expect((await client.callTool('two_three_deep_echo', { said: 'ü' })).result).toMatchObject({
      content: [{ text: '{"said":"ü"}' }],
    });
    const read = await client.request('resources/read', { uri: 'kit://r' });
    expect(read.result).toMatchObject({ contents: [{ text: 'content' }] });
  });

  test.each(['modern', 'legacy'] satisfies EraName[])('HT-0.10 progress and cancellation, %s client', async (era) => {
    await using client = await connectHttp(outer.url, era);
    await listed(client, ...all);
    const seen: unknown[] = [];
    await client.callTool('two_three_deep_steps', {}, { onProgress: (step) => seen.push(step) });
    expect(seen).toHaveLength(3);
    const reached = (): number => server.calls.filter(({ raw }) => raw.includes('"hangs"')).length;
    const before = reached();
    const stop = new AbortController();
    const stuck = client.callTool('two_three_deep_hangs', {}, { signal: stop.signal }).catch(() => 'cancelled');
    await until(() => reached() > before, { because: 'the server has the call' });
    const open = server.inFlight;
    stop.abort();
    await stuck;
    await until(() => server.inFlight < open, { because: 'the server was told' });
  });

  test.each(['modern', 'legacy'] satisfies EraName[])('HT-0.10 questions, %s client', async (era) => {
    const heard: unknown[] = [];
    await using client = await connectHttp(outer.url, era, {
      capabilities: { elicitation: { form: {} } },
      onRequest: (method, params) => {
        heard.push({ method, params });
        return reply;
      },
    });
    await listed(client, ...all);
    let answer = await client.callTool('two_three_deep_asks');
    if (era === 'modern') {
      const { resultType, inputRequests, requestState } = (answer.result ?? {}) as Record<string, JsonObject>;
      expect(resultType).toBe('input_required');
      const [[key, asked] = ['', undefined]] = Object.entries(inputRequests ?? {});
      heard.push(asked);
      answer = await client.request('tools/call', {
        name: 'two_three_deep_asks',
        arguments: {},
        inputResponses: { [key]: reply },
        ...(requestState === undefined ? {} : { requestState }),
      });
    }
    expect(heard).toEqual([question]);
    expect(answer.result).toMatchObject({ content: [{ text: JSON.stringify([reply]) }] });
  });

  test('HT-0.02 hub://graph tells the way through the hubs', async () => {
    await using client = await connectHttp(outer.url, 'modern');
    await listed(client, ...all);
    const { result } = await client.request('resources/read', { uri: 'hub://graph' });
    const [content] = (result as { contents: { text: string }[] }).contents;
    const graph = JSON.parse(content?.text ?? '') as { servers: { items: Record<string, unknown>[] }[] };
    expect(graph).toMatchObject({
      hub: 'default/first',
      servers: [{ server: 'default/two', source: 'hub', ready: true }],
    });
    expect(graph.servers[0]?.items.find(({ name }) => name === 'three_deep_echo')).toMatchObject({
      offeredAs: 'two_three_deep_echo',
      through: [expect.stringMatching(/^second~/), expect.stringMatching(/^third~/)],
    });
  });
});

describe('circles', () => {
  let left: RunningHub;
  let right: RunningHub;
  let server: RunningServer;

  beforeAll(async () => {
    server = await startHttpServer({ tools: [{ name: 'echo' }], resources: [{ uri: 'kit://r', name: 'r' }] });
    const real = mcpServer('real', { source: { remote: { url: server.url } } });
    left = await startHub([named('left', ['real', 'right']), real], { flags: ['--watch'] });
    right = await startHub([
      named('right', ['mine', 'left']),
      mcpServer('mine', { source: { remote: { url: server.url } } }),
      mcpServer('left', { source: { hub: { url: left.url } } }),
    ]);
    // As people do it: nobody says that it is a hub.
    writeManifests(left.manifests, [mcpServer('right', { source: { remote: { url: right.url } } })]);
  });
  afterAll(async () => {
    await left?.[Symbol.asyncDispose]();
    await right?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  test('HT-0.10 two hubs that stand behind each other share what they have, and nothing comes round', async () => {
    await using one = await connectHttp(left.url, 'modern');
    await using other = await connectHttp(right.url, 'modern');
    await listed(one, 'real_echo', 'right_mine_echo');
    await listed(other, 'mine_echo', 'left_real_echo');
    expect((await one.callTool('right_mine_echo', { a: 1 })).result).toMatchObject({ content: [{ text: '{"a":1}' }] });
    expect((await other.callTool('left_real_echo', { a: 2 })).result).toMatchObject({ content: [{ text: '{"a":2}' }] });
  });

  test('HT-0.10 a request that goes round is refused with the whole way', async () => {
    await using client = await connectHttp(left.url, 'modern');
    await listed(client, 'real_echo', 'right_mine_echo');
    const id = (await client.listAll('tools/list'))
      .map((tool) => (tool['_meta'] as Record<string, string>)['dev.quaymaster/hops'])
      .find((hops) => hops !== undefined);
    const answer = await client.request('tools/call', {
      name: 'right_mine_echo',
      arguments: {},
      _meta: { 'dev.quaymaster/hops': `${id}` },
    });
    expect(answer.error).toMatchObject({
      message: expect.stringMatching(/^hubs lead this request in a circle: right~\w+ > left~\w+ > right~\w+$/),
      data: { code: 'QM_HUB_LOOP' },
    });
  });

  test('HT-0.10 what comes round is a condition of the hub', async () => {
    await using client = await connectHttp(left.url, 'modern');
    await listed(client, 'real_echo', 'right_mine_echo');
    const { items } = await asked(left, 'hubs');
    expect(items[0]?.status.conditions.find(({ type }) => type === 'Degraded')).toMatchObject({
      reason: 'HubLoop',
      message: expect.stringMatching(/server "right" leads back to this hub.*\(left~\w+ > right~\w+ > left~\w+\)/),
    });
  });

  test('HT-0.10 a circle within the manifests is said in the conditions of the servers on it', async () => {
    await using hub = await startHub([
      named('a', ['to-b', 'real']),
      named('b', ['to-a']),
      mcpServer('to-b', { source: { hub: { name: 'b' } } }),
      mcpServer('to-a', { source: { hub: { name: 'a' } } }),
      mcpServer('real', { source: { remote: { url: server.url } } }),
    ]);
    await using client = await connectHttp(hub.url, 'modern');
    expect(await toolsOf(client)).toEqual(['real_echo']);
    const { items } = await asked(hub, 'servers');
    for (const name of ['to-a', 'to-b']) {
      const { conditions = [] } = items.find(({ metadata }) => metadata.name === name)?.status ?? {};
      expect(conditions.find(({ type }) => type === 'ResolvedRefs')).toMatchObject({
        reason: 'HubLoop',
        message: expect.stringContaining('default/a -> default/to-b -> default/b -> default/to-a -> default/a'),
      });
    }
  });
});
