/**
 * HT-0.11: a stdio server behind `qm bridge`, as in a Pod. A hub in front of it must give its clients, byte for byte, what a hub gives
 * that runs the same server as its own child.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { connectHttp, fairMs, stdioCommand, textOf, until } from '../kit/index.ts';
import type { JsonObject, KitClient } from '../kit/index.ts';
import { begun } from './support/begun.ts';
import { bridged, script, settingsOfHub } from './support/bridged-server.ts';
import { startBridge } from './support/running-bridge.ts';
import type { RunningBridge } from './support/running-bridge.ts';
import { mcpServer, startHub } from './support/running-hub.ts';
import type { RunningHub } from './support/running-hub.ts';

const eras = ['modern', 'legacy'] as const;

const vendorMeta = { 'vendor/trace': { a: 1 } };
const conversation: readonly [method: string, params: JsonObject, token?: string][] = [
  ['tools/list', {}],
  ['resources/list', {}],
  ['resources/templates/list', {}],
  ['prompts/list', {}],
  [
    'tools/call',
    { name: 'echo', arguments: { a: 'ü', nested: [1, null] }, vendorParam: { keep: 1 }, _meta: vendorMeta },
  ],
  ['tools/call', { name: 'large', arguments: {} }],
  ['tools/call', { name: 'verbatim', arguments: {} }],
  ['tools/call', { name: 'fails', arguments: {} }],
  ['tools/call', { name: 'refuses', arguments: {} }],
  ['tools/call', { name: 'chatty', arguments: {} }, 'töken'],
  ['tools/call', { name: 'broken', arguments: {} }],
  ['tools/call', { name: 'odd', arguments: {} }],
  ['tools/call', { name: 'unknown', arguments: {} }],
  ['resources/read', { uri: 'kit://r/1', vendorParam: 2, _meta: vendorMeta }],
  ['resources/read', { uri: 'kit://t/unlisted' }],
  ['prompts/get', { name: 'greet', arguments: { who: 'you' } }],
  ['completion/complete', { ref: { type: 'ref/prompt', name: 'greet' }, argument: { name: 'who', value: 'r' } }],
  ['vendor/echo', { any: { thing: [1, 2] }, _meta: vendorMeta }],
  ['vendor/unknown', {}],
  // Last: the next one finds a child that is on its way back.
  ['tools/call', { name: 'dies', arguments: {} }],
  ['tools/call', { name: 'echo', arguments: { again: true } }],
];

/** Everything the client sees: status, notifications before the answer, the answer's own bytes. */
async function converse(client: KitClient): Promise<string[]> {
  // How a hub finds circles it is in: two hubs are two.
  const told: string[] = [JSON.stringify(client.handshake).replace(/desk~[0-9a-f]{8}/, 'desk')];
  for (const [method, params, progressToken] of conversation) {
    const answer = await client.request(method, params, progressToken === undefined ? {} : { progressToken });
    const before = answer.notifications.map((one) => JSON.stringify(one));
    told.push([`${method} ${String(params['name'] ?? '')}`, answer.status, ...before, answer.raw].join('\n'));
  }
  return told;
}

describe.each(eras)('a %s server, as the child of a hub and behind a bridge', (era) => {
  let bridge: RunningBridge;
  let near: RunningHub;
  let far: RunningHub;

  beforeAll(async () => {
    bridge = await startBridge(script(era));
    near = await startHub([settingsOfHub, mcpServer('wonder', { source: { command: stdioCommand(script(era)) } })]);
    far = await startHub([settingsOfHub, bridged(bridge)]);
  });

  afterAll(async () => {
    for (const one of [far, near, bridge]) await one?.[Symbol.asyncDispose]();
  });

  test.each(eras)('HT-0.11 every answer to a %s client is the same, byte for byte', async (client) => {
    await using a = await connectHttp(near.url, client);
    await using b = await connectHttp(far.url, client);
    const [direct, through] = [await converse(a), await converse(b)];
    expect(through).toEqual(direct);
  });

  test.each(eras)(
    'kill -9 in the middle of calls of a %s client: the same error, at once, and it comes back',
    async (client) => {
      const errors: unknown[] = [];
      for (const hub of [near, far]) {
        await using caller = await connectHttp(hub.url, client);
        const { pid } = JSON.parse(textOf(await caller.callTool('whoami'))) as { pid: number };
        const hanging = await begun(caller, '', 'hang', () => [1, 2, 3].map(() => caller.callTool('hang')));
        const killed = performance.now();
        process.kill(pid, 'SIGKILL');
        const answers = await Promise.all(hanging);
        expect(performance.now() - killed).toBeLessThan(fairMs(1_000));
        errors.push(answers.map(({ status, error }) => [status, error]));
        const again = JSON.parse(textOf(await caller.callTool('whoami'))) as { pid: number };
        expect(again.pid).not.toBe(pid);
      }
      expect(errors[1]).toEqual(errors[0]);
      expect(JSON.stringify(errors[0])).toContain('QM_SERVER_GONE');
    },
  );

  test.each(eras)('a changed list reaches a %s client through both', async (client) => {
    for (const hub of [near, far]) {
      await using caller = await connectHttp(hub.url, client);
      // Changes are announced to those who know a list.
      await caller.listAll('tools/list');
      using stream = await caller.openStream({ toolsListChanged: true });
      const name = `added_${client}`;
      await caller.callTool('control', { action: 'addTool', tool: { name } });
      await until(() => stream.messages.some((one) => one.method === 'notifications/tools/list_changed'), {
        because: 'the change was not announced',
      });
      const names = (await caller.listAll('tools/list')).map((tool) => tool['name']);
      expect(names).toContain(name);
    }
  });

  test.each(eras)('a cancelled call of a %s client is cancelled at the child', async (client) => {
    await using caller = await connectHttp(far.url, client);
    const cancelled = async () =>
      (JSON.parse(textOf(await caller.callTool('control', { action: 'calls' }))) as { cancelled: unknown[] }).cancelled
        .length;
    const before = await cancelled();
    const abort = new AbortController();
    const [call] = await begun(caller, '', 'hang', () => [caller.callTool('hang', {}, { signal: abort.signal })]);
    abort.abort(new Error('enough'));
    await expect(call).rejects.toThrow('enough');
    await until(async () => (await cancelled()) === before + 1, { because: 'the child was not told' });
  });

  test('HT-0.11 64 clients with equal ids and tokens, 0 answers swapped', async () => {
    const clients = await Promise.all(
      Array.from({ length: 64 }, (_, n) => connectHttp(far.url, n % 2 === 0 ? 'modern' : 'legacy')),
    );
    const rounds = clients.map(async (client, n) => {
      for (let round = 0; round < 5; round++) {
        const answer = await client.request(
          'tools/call',
          { name: 'chatty', arguments: { n, round } },
          { id: 7, progressToken: 'same' },
        );
        expect(answer.notifications.map((one) => one.params?.['progressToken'])).toEqual(['same', 'same', 'same']);
        expect(JSON.parse(textOf(await client.callTool('echo', { n, round })))).toEqual({ n, round });
      }
    });
    await Promise.all(rounds);
    await Promise.all(clients.map((client) => client.close()));
  });
});
