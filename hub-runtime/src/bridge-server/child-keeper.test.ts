/** Supervision with real children and a clock of the test's own. */
import { afterEach, expect, test } from 'vitest';

import { createTestClock, silentLogger, systemClock } from '../base/index.ts';
import { ChildRegistry } from '../bridge/index.ts';
import { anonymous, Cancellation, type LaneCall, TargetError } from '../exchange/index.ts';
import type { StdioTarget } from '../upstream/index.ts';
import type { RawJson } from '../wire/index.ts';
import { ChildKeeper, type ChildKeeperDeps } from './child-keeper.ts';
import { configOf } from './child-config.ts';
import { childHealth } from './limits.ts';
import { plainSettings, until } from './testing/bridge-world.ts';

const settings = { ...plainSettings, protocol: 'legacy' } as const;
const children = new ChildRegistry();
const keepers: ChildKeeper[] = [];

afterEach(async () => {
  await Promise.all(keepers.splice(0).map((keeper) => keeper.stop('the test is over')));
});

/** `deaf` after the handshake: it hangs. */
const program = (deaf: boolean): string => `
let n = 0;
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method } = JSON.parse(line);
  if (id === undefined || (${String(deaf)} && n++ > 0)) return;
  if (method === 'die') process.exit(1);
  const result = method === 'initialize' ? { protocolVersion: '2025-11-25', capabilities: {} } : { pid: process.pid };
  console.log(JSON.stringify({ jsonrpc: '2.0', id, result }));
}).on('close', () => process.exit(0));`;

const targetOf = (text: string): StdioTarget => ({
  kind: 'stdio',
  command: process.execPath,
  args: ['-e', text],
  env: { PATH: process.env['PATH'] ?? '' },
  cwd: undefined,
});

function keep(more: Partial<ChildKeeperDeps> = {}) {
  let downs = 0;
  const keeper = new ChildKeeper({
    settings,
    config: configOf(settings),
    clock: systemClock,
    random: () => 0,
    log: silentLogger,
    children,
    hubInfo: { name: 'quaymaster', version: '0' },
    stderr: () => {},
    target: () => Promise.resolve(targetOf(program(false))),
    onUp: () => {},
    onDown: () => downs++,
    onState: () => {},
    ...more,
  });
  keepers.push(keeper);
  return { keeper, downs: () => downs };
}

function call(method: string): LaneCall {
  return {
    exchange: {
      method,
      params: undefined,
      caller: {
        era: 'legacy',
        revision: '',
        principal: anonymous,
        session: undefined,
        capabilities: '{}' as RawJson,
        clientInfo: undefined,
      },
      leg: {
        id: '1' as RawJson,
        progressToken: undefined,
        logLevel: undefined,
        cancellation: new Cancellation(),
        notify: () => {},
      },
    },
    edits: [],
    target: undefined,
  };
}

test('a child that hangs is replaced after as many silences as manifests give by default', async () => {
  const clock = createTestClock();
  let starts = 0;
  const { keeper, downs } = keep({
    clock,
    target: () => Promise.resolve(targetOf(program(starts++ === 0))),
  });
  keeper.start();
  await until(() => keeper.state.phase === 'Ready');
  const { pid } = keeper.state;
  const from = clock.now();
  // In small steps and with a look at the pipe between them: after the last silence comes a new start, whose own time must not run out at once.
  await until(async () => {
    if (downs() === 0) await clock.advance(1_000);
    return downs() > 0;
  });
  // The first look after 30 s; a silence lasts 5 s, and the next look comes 5 s after it: 55 s for three of them.
  expect(clock.now() - from).toBeGreaterThanOrEqual(
    childHealth.intervalMs + (2 * childHealth.failureThreshold - 1) * childHealth.timeoutMs,
  );
  expect(keeper.state).toMatchObject({ phase: 'Degraded', reason: 'HealthCheckFailed' });
  expect(downs()).toBe(1);
  await until(async () => {
    await clock.advance(1_000);
    return keeper.state.phase === 'Ready';
  });
  expect(keeper.state.pid).not.toBe(pid);
});

test('a call while it comes back waits; one while nothing can be had hears why', async () => {
  let broken = false;
  const { keeper } = keep({
    target: () =>
      broken
        ? Promise.reject(new TargetError('InstallFailed', 'no room', false))
        : Promise.resolve(targetOf(program(false))),
  });
  expect(await keeper.send(call('pid'))).toMatchObject({ errorCode: 'QM_SERVER_FAILED' });
  keeper.start();
  await until(() => keeper.state.phase === 'Ready');
  const died = await keeper.send(call('die'));
  expect(died).toMatchObject({ errorCode: 'QM_SERVER_GONE' });
  await until(() => keeper.isComingBack);
  const waiting = keeper.send(call('pid'));
  expect(keeper.inFlight).toBe(1);
  expect(await waiting).toMatchObject({ kind: 'result' });
  broken = true;
  await keeper.send(call('die'));
  const late = await keeper.send(call('pid'));
  expect(late).toMatchObject({ errorCode: 'QM_SERVER_FAILED', message: expect.stringContaining('no room') });
  await keeper.settled(1);
  expect(keeper.state).toMatchObject({ phase: 'Degraded', reason: 'InstallFailed' });
});

test('an error nobody foresaw is a failed start like any other', async () => {
  const { keeper } = keep({ target: () => Promise.reject(new TypeError('a mistake')) });
  keeper.start();
  await until(() => keeper.state.phase === 'Degraded');
  expect(keeper.state).toMatchObject({ reason: 'StartFailed', message: 'a mistake' });
  await expect(keeper.openFor(call('x').exchange.caller, () => undefined)).rejects.toThrow('has not been started');
});

test('stopped while it installs: the installation is called off and nothing starts', async () => {
  let signal: AbortSignal | undefined;
  const { keeper } = keep({
    target: (_progress, given) => {
      signal = given;
      return new Promise((_resolve, reject) => given.addEventListener('abort', () => reject(new Error('called off'))));
    },
  });
  keeper.start();
  await until(() => signal !== undefined);
  const settled = keeper.settled(5_000);
  await keeper.stop('the Pod ends');
  await settled;
  expect(signal?.aborted).toBe(true);
  expect(keeper.state.phase).toBe('Stopped');
  expect(children.size).toBe(0);
});
