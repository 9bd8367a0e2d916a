/**
 * HT-0.10: a hub behind a hub over a pipe and over a WebSocket, as the last of three levels. What it offers is followed wherever it stands: lists,
 * and what it says of itself, which grows with servers that come later.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectHttp, startHttpServer, until } from '../kit/index.ts';
import type { EraName, JsonObject, KitClient, RunningServer } from '../kit/index.ts';
import { mcpHub, mcpServer, qm, startHub, writeManifests } from './support/running-hub.ts';
import type { Manifest, RunningHub } from './support/running-hub.ts';

function named(name: string, spec: JsonObject): Manifest {
  return { ...mcpHub(spec), metadata: { name } };
}

const toolsOf = async (client: KitClient): Promise<string[]> =>
  (await client.listAll('tools/list')).map((tool) => String(tool['name'])).toSorted();

async function offered(client: KitClient): Promise<JsonObject> {
  const { result } = await client.request('server/discover', {});
  return ((result as { capabilities: JsonObject }).capabilities['extensions'] ?? {}) as JsonObject;
}

/** The last level: where the second finds it, and where its manifests are. */
interface Last extends AsyncDisposable {
  readonly source: JsonObject;
  readonly manifests: string;
}

function overPipe(manifests: readonly Manifest[]): Promise<Last> {
  const folder = mkdtempSync(join(tmpdir(), 'qm-chain-'));
  const files = join(folder, 'manifests');
  mkdirSync(files);
  writeManifests(files, manifests);
  const command = qm('up', '-f', files, '--state-dir', join(folder, 'state'), '--stdio', '--watch');
  return Promise.resolve({
    source: { command },
    manifests: files,
    [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true, force: true }),
  });
}

async function overSocket(manifests: readonly Manifest[]): Promise<Last> {
  const hub = await startHub(manifests, { flags: ['--watch'] });
  const source = { remote: { url: hub.url.replace(/^http/, 'ws') } };
  return { source, manifests: hub.manifests, [Symbol.asyncDispose]: async () => hub[Symbol.asyncDispose]() };
}

describe.each([
  ['a pipe', 'stdio', overPipe],
  ['a WebSocket', 'websocket', overSocket],
] as const)('the third level over %s', (_, transport, start) => {
  let early: RunningServer;
  let late: RunningServer;
  let last: Last;
  let outer: RunningHub;

  beforeAll(async () => {
    early = await startHttpServer({ era: 'modern', tools: [{ name: 'echo' }] });
    late = await startHttpServer({
      era: 'modern',
      tools: [{ name: 'steps', does: { progress: { count: 3, intervalMs: 2 } } }],
      prompts: [{ name: 'greet' }],
      capabilities: { tools: {}, prompts: {}, extensions: { 'vendor/x': { level: 3 } } },
    });
    last = await start([
      named('third', { servers: { selector: {} }, transports: { websocket: true } }),
      mcpServer('early', { source: { remote: { url: early.url } } }),
    ]);
    outer = await startHub([
      named('first', { servers: { include: ['two'] } }),
      named('second', { servers: { include: ['three'] } }),
      mcpServer('two', { source: { hub: { name: 'second' } } }),
      mcpServer('three', { source: last.source }),
    ]);
  });
  afterAll(async () => {
    await outer?.[Symbol.asyncDispose]();
    await last?.[Symbol.asyncDispose]();
    for (const one of [early, late]) await one?.[Symbol.asyncDispose]();
  });

  test('HT-0.10 a server that comes later is offered by all levels, with what it says of itself', async () => {
    await using client = await connectHttp(outer.url, 'modern');
    await until(async () => (await toolsOf(client)).join() === 'two_three_early_echo', {
      because: 'the first is listed',
    });
    expect(await offered(client)).not.toHaveProperty('vendor/x');
    writeManifests(last.manifests, [mcpServer('late', { source: { remote: { url: late.url } } })]);
    await until(async () => (await offered(client))['vendor/x'] !== undefined, {
      because: `the hub behind ${transport} was asked again`,
      timeoutMs: 20_000,
    });
    expect(await offered(client)).toMatchObject({ 'vendor/x': { level: 3 } });
    const tools = ['two_three_early_echo', 'two_three_late_steps'];
    await until(async () => (await toolsOf(client)).join() === tools.join(), { because: 'both are listed' });
    const prompts = await client.listAll('prompts/list');
    expect(prompts.map(({ name }) => name)).toEqual(['two_three_late_greet']);
  });

  test.each(['modern', 'legacy'] satisfies EraName[])('HT-0.10 calls and their progress, %s client', async (era) => {
    await using client = await connectHttp(outer.url, era);
    await until(async () => (await toolsOf(client)).length === 2, { because: 'both servers are listed' });
    const answer = await client.callTool('two_three_early_echo', { said: 'ü' });
    expect(answer.result).toMatchObject({ content: [{ text: '{"said":"ü"}' }] });
    const seen: unknown[] = [];
    await client.callTool('two_three_late_steps', {}, { onProgress: (step) => seen.push(step) });
    expect(seen).toHaveLength(3);
    const [tool] = await client.listAll('tools/list');
    const meta = tool?.['_meta'] as Record<string, string>;
    expect(meta['dev.quaymaster/hops']).toMatch(/^second~[0-9a-f]{8},third~[0-9a-f]{8}$/);
  });
});
