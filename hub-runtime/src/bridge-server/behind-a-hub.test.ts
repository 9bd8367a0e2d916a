/** The lane of a hub in front of a bridge, `instances: perClient`: who gets which child, and who hears what it logs. */
import { afterEach, describe, expect, test } from 'vitest';

import type { BridgePodSettings } from '@quaymaster/crds';

import { silentLogger, systemClock } from '../base/index.ts';
import { ChildRegistry } from '../bridge/index.ts';
import { anonymous, type Caller, Cancellation, type Leg, type Outcome, type Upstream } from '../exchange/index.ts';
import { silentObserver } from '../observe/index.ts';
import { createHttpPool, createUpstream } from '../upstream/index.ts';
import { emptyObject, memberRaw, objectRaw, parseRaw, type RawJson, rawOf, scanObject } from '../wire/index.ts';
import { configOf } from './child-config.ts';
import { plainSettings, startWorld, until, type World } from './testing/bridge-world.ts';

const instances = { mode: 'perClient', max: 3 } as const;
const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

async function hubBefore(world: World, mode: BridgePodSettings['instances'] = instances): Promise<Upstream> {
  const http = createHttpPool();
  const children = new ChildRegistry();
  const upstream = createUpstream(
    { ...configOf({ ...plainSettings, instances: mode }), transport: 'streamableHttp' },
    {
      clock: systemClock,
      random: Math.random,
      log: silentLogger,
      observer: silentObserver,
      http,
      children,
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
    async () => http.close(),
    () => children.close(0),
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

describe('questions of a legacy child', () => {
  /** Calls, with a user who answers by the name of the asked. */
  const asking = async (
    upstream: Upstream,
    who: string,
    era: 'legacy' | 'modern',
    capabilities = '{"elicitation":{}}',
  ) => {
    const caller: Caller = {
      ...callerOf(era === 'legacy' ? who : undefined),
      era,
      capabilities: capabilities as RawJson,
    };
    const heard: string[] = [];
    const answer = (params: RawJson): RawJson => {
      heard.push(String((parseRaw(params) as { message: string }).message));
      return rawOf({ action: 'accept', content: { who } });
    };
    const leg: Leg = {
      id: '1' as RawJson,
      progressToken: undefined,
      logLevel: undefined,
      cancellation: new Cancellation(),
      notify: () => {},
      ...(era === 'legacy' && {
        ask: (question) => Promise.resolve({ kind: 'result', result: answer(question.params) }),
      }),
    };
    const params = scanObject(rawOf({ name: 'ask', arguments: { who } }));
    const exchange = { method: 'tools/call', params, caller, leg };
    let outcome = await upstream.lane(caller).send({ exchange, edits: [], target: undefined });
    if (outcome.kind === 'inputRequired' && outcome.parked !== undefined) {
      const [member] = scanObject(memberRaw(outcome.result, 'inputRequests') ?? emptyObject)?.members ?? [];
      const round = memberRaw(outcome.result, 'inputRequests') ?? emptyObject;
      const one = scanObject(round.slice(member?.start, member?.end) as RawJson);
      const answers = new Map([[member?.key ?? '', answer(memberRaw(one, 'params') ?? emptyObject)]]);
      outcome = await outcome.parked.resume({ ...leg, cancellation: new Cancellation() }, answers);
    }
    const nothing: { said?: unknown; pid?: number; told?: unknown } = {};
    const result = outcome.kind === 'result' ? parseRaw(objectRaw(outcome.result)) : nothing;
    return { heard, outcome, ...(result as typeof nothing) };
  };

  test.each(['legacy', 'modern'] as const)('reach the %s caller, shared or not', async (era) => {
    for (const mode of ['shared', 'perClient'] as const) {
      const world = await startWorld({ settings: { instances: { mode, max: 4 } } });
      closing.push(async () => world[Symbol.asyncDispose]());
      const upstream = await hubBefore(world, { mode, max: 4 });
      const { heard, said, told } = await asking(upstream, 'ada', era);
      expect({ heard, said }).toEqual({ heard: ['ada'], said: { action: 'accept', content: { who: 'ada' } } });
      // A child of one's own is told what its caller declared, a shared one all that the hub carries.
      if (mode === 'perClient') expect(told).toEqual({ elicitation: {} });
      else expect(told).toMatchObject({ elicitation: { form: {}, url: {} }, sampling: {}, roots: {} });
    }
  });

  test('a shared child that asks: callers at once get children of their own, beyond the limit one after the other', async () => {
    const settings = { instances: { mode: 'shared', max: 2 } } as const;
    const world = await startWorld({ settings });
    closing.push(async () => world[Symbol.asyncDispose]());
    const upstream = await hubBefore(world, settings.instances);
    await asking(upstream, 'first', 'legacy');
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const all = await Promise.all(names.map((who, n) => asking(upstream, who, n % 2 === 0 ? 'legacy' : 'modern')));
    expect(all.map(({ heard }) => heard)).toEqual(names.map((who) => [who]));
    expect(all.map(({ said }) => said)).toEqual(names.map((who) => ({ action: 'accept', content: { who } })));
    expect(new Set(all.map(({ pid }) => pid)).size).toBe(3);
  });

  test('a caller that cannot be asked: its call says so, and its child goes on', async () => {
    for (const mode of ['shared', 'perClient'] as const) {
      const world = await startWorld({ settings: { instances: { mode, max: 4 } } });
      closing.push(async () => world[Symbol.asyncDispose]());
      const upstream = await hubBefore(world, { mode, max: 4 });
      const { outcome, heard, said } = await asking(upstream, 'ada', 'legacy', '{}');
      expect(heard).toEqual([]);
      if (mode === 'shared') expect(outcome).toMatchObject({ kind: 'error', code: -32_021 });
      else expect(said).toMatchObject({ code: -32_601 });
      expect((await asking(upstream, 'bob', 'legacy')).heard).toEqual(['bob']);
    }
  });
});
