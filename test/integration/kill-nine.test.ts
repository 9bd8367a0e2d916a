/** kill -9 of each kind of server in the middle of a call: the caller knows at once, the server comes back by itself, nothing stays behind. */
import { expect, test } from 'vitest';

import {
  connectLegacy,
  connectModern,
  type EraName,
  fairMs,
  freePort,
  httpCommand,
  isAlive,
  type KitClient,
  kitMatchers,
  type ServerScript,
  stdioCommand,
  until,
} from '../kit/index.ts';
import { begun } from './support/begun.ts';
import { type Manifest, mcpHub, mcpServer, startHub } from './support/running-hub.ts';

expect.extend(kitMatchers);

const script = (era: EraName | 'dual', more: ServerScript = {}): ServerScript => ({
  era,
  tools: [
    { name: 'whoami', does: { whoami: true } },
    { name: 'hang', does: { hang: true } },
    { name: 'echo' },
    { name: 'control', does: { control: true } },
  ],
  ...more,
});
const port = await freePort();

const kinds: readonly (readonly [string, Manifest])[] = [
  [
    'legacy stdio',
    mcpServer('a', { source: { command: stdioCommand(script('legacy', { startup: { grandchildren: 1 } })) } }),
  ],
  ['modern stdio', mcpServer('a', { source: { command: stdioCommand(script('modern')) } })],
  [
    'a program that listens itself',
    mcpServer('a', { source: { command: httpCommand(script('dual', { http: { port } })) }, http: { port } }),
  ],
];

/** Undefined while a call is answered with an error. */
async function pidOf(client: KitClient): Promise<number | undefined> {
  const { error, raw } = await client.callTool('a_whoami', {});
  return error === undefined ? Number(/\\?"pid\\?":\s*(\d+)/.exec(raw)?.[1]) : undefined;
}

test.each(kinds)('EF-31 %s', async (_title, server) => {
  await using hub = await startHub([mcpHub(), server]);
  await using modern = await connectModern(hub.url);
  await using legacy = await connectLegacy(hub.url);
  const before = (await modern.listAll('tools/list')).length;
  const pid = (await pidOf(modern)) ?? -1;
  expect(pid).toBeGreaterThan(0);
  const calls = await begun(modern, 'a_', 'hang', () => [modern, legacy].map((one) => one.callTool('a_hang', {})));
  const killedAt = performance.now();
  process.kill(pid, 'SIGKILL');
  for (const answer of await Promise.all(calls)) {
    expect(answer).toBeRpcError(-32603);
    expect(answer.raw).toContain('QM_SERVER_GONE');
    expect(answer.raw).toContain('"retry":"unsafe"');
  }
  expect(performance.now() - killedAt).toBeLessThan(fairMs(1_000));
  // A call that meets the very moment of the end may still fail; then calls wait for the server and are served by the next process.
  const next = await until(async () => pidOf(legacy), { because: 'the server is back', timeoutMs: 15_000 });
  expect(next).not.toBe(pid);
  await until(async () => (await modern.listAll('tools/list')).length === before, {
    because: 'the catalog is whole again',
  });
  expect(isAlive(pid)).toBe(false);
});
