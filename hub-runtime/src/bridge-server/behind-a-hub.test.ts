/** The lane of a hub in front of a bridge, `instances: perClient`: who gets which child, and who hears what it logs. */
import { afterEach, expect, test } from 'vitest';

import { silentLogger, systemClock } from '../base/index.ts';
import { ChildRegistry } from '../bridge/index.ts';
import { anonymous, type Caller, Cancellation, type Outcome, type Upstream } from '../exchange/index.ts';
import { silentObserver } from '../observe/index.ts';
import { createHttpPool, createUpstream } from '../upstream/index.ts';
import { objectRaw, parseRaw, type RawJson, rawOf, scanObject } from '../wire/index.ts';
import { configOf } from './child-config.ts';
import { plainSettings, startWorld, until, type World } from './testing/bridge-world.ts';

const instances = { mode: 'perClient', max: 3 } as const;
const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

async function hubBefore(world: World): Promise<Upstream> {
  const http = createHttpPool();
  const upstream = createUpstream(
    { ...configOf({ ...plainSettings, instances }), transport: 'streamableHttp' },
    {
      clock: systemClock,
      random: Math.random,
      log: silentLogger,
      observer: silentObserver,
      http,
      children: new ChildRegistry(),
      hubInfo: { name: 'quaymaster', version: '0' },
      targets: {
        resolve: () =>
          Promise.resolve({
            kind: 'http',
            url: world.url,
            headers: { authorization: world.authorization },
            bridged: true,
          }),
      },
    },
  );
  closing.push(
    () => http.close(),
    () => upstream.stop(0),
  );
  upstream.start();
  await upstream.wake(5_000);
  expect(upstream.state.phase).toBe('Ready');
  return upstream;
}

function callerOf(session: string | undefined): Caller {
  return {
    era: 'legacy',
    revision: '2025-11-25',
    principal: anonymous,
    session: session === undefined ? undefined : { id: session, notify: () => {} },
    capabilities: '{}' as RawJson,
    clientInfo: undefined,
  };
}

async function ask(
  upstream: Upstream,
  caller: Caller,
  method: string,
  params: object = {},
): Promise<{ outcome: Outcome; result: Record<string, unknown>; told: string[] }> {
  const told: string[] = [];
  const leg = {
    id: '1' as RawJson,
    progressToken: undefined,
    logLevel: undefined,
    cancellation: new Cancellation(),
    notify: (message: RawJson) => told.push(message),
  };
  const exchange = { method, params: scanObject(rawOf(params)), caller, leg };
  const outcome = await upstream.lane(caller).send({ exchange, edits: [], target: undefined });
  const result = outcome.kind === 'result' ? (parseRaw(objectRaw(outcome.result)) as Record<string, unknown>) : {};
  return { outcome, result, told };
}

test.each(['legacy', 'modern'] as const)('each client of a hub has a %s child of its own', async (era) => {
  const world = await startWorld({ era, settings: { instances } });
  closing.push(async () => world[Symbol.asyncDispose]());
  const upstream = await hubBefore(world);
  const [ada, bob] = [callerOf('ada'), callerOf('bob')];
  const pidOf = async (caller: Caller) => (await ask(upstream, caller, 'pid')).result['pid'];
  const first = [await pidOf(ada), await pidOf(bob)];
  expect(new Set(first).size).toBe(2);
  expect([await pidOf(ada), await pidOf(bob)]).toEqual(first);
  const died = await ask(upstream, ada, 'die');
  expect(died.outcome).toMatchObject({ kind: 'error', message: expect.stringContaining('went away') });
  await until(async () => Number.isInteger(await pidOf(ada)));
  expect(await pidOf(ada)).not.toBe(first[0]);
  expect(await pidOf(bob)).toBe(first[1]);
});

test('what a child of one’s own logs during a call comes with that call', async () => {
  const world = await startWorld({ settings: { instances } });
  closing.push(async () => world[Symbol.asyncDispose]());
  const upstream = await hubBefore(world);
  const params = { method: 'notifications/message', params: { level: 'error', data: 'x' } };
  const { told } = await ask(upstream, callerOf('ada'), 'say', params);
  expect(told).toHaveLength(1);
  expect(told[0]).toContain('"data":"x"');
});
