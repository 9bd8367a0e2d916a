/** A configuration that changes while clients call: nothing is lost, nothing that did not change is touched, changes are seen soon. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import {
  connectLegacy,
  connectModern,
  fairMs,
  type KitClient,
  kitMatchers,
  stdioCommand,
  until,
} from '../kit/index.ts';
import { load } from './support/load.ts';
import { mcpHub, mcpServer, type RunningHub, startHub, writeManifests } from './support/running-hub.ts';

expect.extend(kitMatchers);

const edits = 50;
/** Of a machine with a core to spare. */
const seenWithinMs = 2_000;

const stdio = (name: string): { source: { command: { command: string; args: string[] } } } => ({
  source: {
    command: stdioCommand({
      serverInfo: { name, version: '1' },
      tools: [{ name: 'echo' }, { name: 'whoami', does: { whoami: true } }],
    }),
  },
});
const steady = mcpServer('steady', stdio('steady'));
/** Another environment is another process. */
const moving = (round: number) =>
  mcpServer('moving', { ...stdio('moving'), env: [{ name: 'ROUND', value: String(round) }] });
/** Another description is no reason to touch the process. */
const edited = (round: number) =>
  mcpServer('edited', { ...stdio('edited'), tools: { describe: { echo: `round ${round}` } } });

async function whoami(
  client: KitClient,
  server: string,
  env: string[] = [],
): Promise<{ pid: number; env?: Record<string, string> }> {
  const { result } = await client.callTool(`${server}_whoami`, { env });
  const [block] = (result?.['content'] ?? []) as { text: string }[];
  return JSON.parse(block?.text ?? '{}') as { pid: number; env?: Record<string, string> };
}

async function descriptionOf(client: KitClient, name: string): Promise<unknown> {
  const { result } = await client.request('tools/list');
  const tools = (result?.['tools'] ?? []) as { name: string; description?: string }[];
  return tools.find((tool) => tool.name === name)?.description;
}

function edit(hub: RunningHub, round: number): void {
  writeManifests(hub.manifests, [round % 2 === 0 ? moving(round) : edited(round)]);
}

test(`HT-0.05 HT-2.05 EF-45 ${edits} edits under load: each seen within 2 s, no call lost, no other process touched`, async () => {
  await using hub = await startHub([mcpHub(), steady, moving(0), edited(0)], { flags: ['--watch'] });
  await using watcher = await connectModern(hub.url);
  await using one = await connectModern(hub.url);
  await using two = await connectLegacy(hub.url);
  const before = { steady: await whoami(watcher, 'steady'), edited: await whoami(watcher, 'edited') };
  const pressure = load([one, two], ['steady', 'moving', 'edited']);
  const slow: string[] = [];
  for (let round = 1; round <= edits; round++) {
    const from = performance.now();
    edit(hub, round);
    if (round % 2 === 0)
      await until(async () => (await whoami(watcher, 'moving', ['ROUND'])).env?.['ROUND'] === String(round), {
        because: `moving of round ${round} is there`,
        timeoutMs: 10_000,
      });
    else
      await until(async () => (await descriptionOf(watcher, 'edited_echo')) === `round ${round}`, {
        because: `the description of round ${round} is there`,
        timeoutMs: 10_000,
      });
    const took = performance.now() - from;
    if (took > fairMs(seenWithinMs)) slow.push(`round ${round}: ${Math.round(took)} ms`);
  }
  await pressure.stop();
  expect(pressure.failures).toEqual([]);
  expect(pressure.calls()).toBeGreaterThan(edits);
  expect(slow).toEqual([]);
  expect((await whoami(watcher, 'steady')).pid).toBe(before.steady.pid);
  expect((await whoami(watcher, 'edited')).pid).toBe(before.edited.pid);
}, 180_000);

test('HT-0.05 HT-0.07 a server that joins and leaves is announced once each time, to clients of both eras', async () => {
  await using hub = await startHub([mcpHub(), steady], { flags: ['--watch'] });
  await using modern = await connectModern(hub.url);
  await using legacy = await connectLegacy(hub.url);
  await modern.request('tools/list');
  const streams = [await modern.openStream({ toolsListChanged: true }), await legacy.openStream()];
  const changes = (): number[] =>
    streams.map(
      (stream) => stream.messages.filter(({ method }) => method === 'notifications/tools/list_changed').length,
    );
  writeManifests(hub.manifests, [edited(1)]);
  await until(() => changes().every((count) => count >= 1), { because: 'the new server is announced' });
  expect(await descriptionOf(modern, 'edited_echo')).toBe('round 1');
  rmSync(join(hub.manifests, 'McpServer-edited.yaml'));
  await until(() => changes().every((count) => count >= 2), { because: 'its end is announced' });
  expect(await descriptionOf(legacy, 'edited_echo')).toBeUndefined();
  expect(await modern.callTool('edited_echo')).toBeRpcError(-32602);
  expect(changes()).toEqual([2, 2]);
  for (const stream of streams) stream.close();
}, 60_000);
