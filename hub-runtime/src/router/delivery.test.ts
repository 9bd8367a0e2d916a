import { expect, test } from 'vitest';

import type { ResilienceConfig } from '@quaymaster/crds';

import { createTestClock } from '../base/index.ts';
import {
  type ErrorOutcome,
  type Guard,
  hubError,
  type HubGraph,
  type LaneCall,
  type Outcome,
  type Upstream,
} from '../exchange/index.ts';
import { exchangeOf, FakeUpstream, resultOf, serverConfig } from '../fixtures/index.ts';
import { silentObserver } from '../observe/index.ts';
import { CallGuard } from '../resilience/index.ts';
import { Delivery, timeoutKey } from './delivery.ts';

const failed = hubError('QM_SERVER_STATUS', { server: 'default/a', status: 500 });
const resilience: ResilienceConfig = {
  retry: { attempts: 3, backoff: 'fixed', delayMs: 100, maxDelayMs: 100 },
  bulkhead: { maxConcurrent: 2, queue: 0, queueMs: 1_000 },
};

class Guarded extends FakeUpstream implements Upstream {
  guard: Guard | undefined;
}

function world(change: Partial<ResilienceConfig> = {}) {
  const clock = createTestClock();
  const upstream = new Guarded(serverConfig('a'));
  upstream.enter('Ready', 'Ready');
  const guard = new CallGuard(
    { ...resilience, ...change },
    { clock, random: () => 1, observer: silentObserver, server: 'default/a', isUp: () => true, changed: () => {} },
  );
  upstream.guard = guard;
  const current = new Map<string, Upstream>([['default/a', upstream]]);
  const graph = { upstream: (key: string) => current.get(key) } as HubGraph;
  const delivery = new Delivery(clock, () => graph);
  const untils: (number | undefined)[] = [];
  /** Fails until it is asked for the `good`th time. */
  const answerFrom = (good: number, error: ErrorOutcome = failed): void => {
    let asked = 0;
    upstream.answer = (call, self) => {
      untils.push(call.until);
      return ++asked >= good ? resultOf('{"ok":true}', self) : error;
    };
  };
  const call = (method: string, params: object = {}, more: Partial<LaneCall> = {}): LaneCall => ({
    exchange: exchangeOf(graph, method, params),
    edits: [],
    target: undefined,
    ...more,
  });
  const send = async (one: LaneCall, ms = 500): Promise<Outcome> => {
    const answer = delivery.send(one, upstream, { upstream: undefined, target: undefined });
    answer.catch(() => {});
    await clock.advance(0);
    await clock.advance(ms);
    return answer;
  };
  return { clock, upstream, guard, answerFrom, call, send, current, untils, delivery };
}

test('HT-1.11 a tool that says nothing of itself is never sent again, whatever became of it', async () => {
  const { upstream, answerFrom, call, send } = world();
  answerFrom(2);
  expect(await send(call('tools/call', { name: 'a' }))).toMatchObject({ errorCode: 'QM_SERVER_STATUS' });
  expect(upstream.calls).toHaveLength(1);
});

test.each([
  ['reads', 'resources/read', {}],
  ['prompts', 'prompts/get', {}],
  ['completions', 'completion/complete', {}],
  ['tools that may be repeated', 'tools/call', { repeatable: true as const }],
])('HT-1.11 %s are sent again after a pause, until one is answered', async (_title, method, more) => {
  const { upstream, answerFrom, call, send, clock } = world();
  answerFrom(3);
  const from = clock.monotonic();
  expect(await send(call(method, {}, more))).toMatchObject({ kind: 'result' });
  expect(upstream.calls).toHaveLength(3);
  expect(clock.monotonic() - from).toBeGreaterThanOrEqual(200);
});

test('HT-1.11 attempts are bounded in number, and in time: the call as a whole has no more than before', async () => {
  const { upstream, answerFrom, call, send } = world({
    retry: { ...resilience.retry, attempts: 10, delayMs: 30_000, maxDelayMs: 30_000 },
  });
  answerFrom(99);
  expect(await send(call('resources/read'), 120_000)).toMatchObject({ errorCode: 'QM_SERVER_STATUS' });
  // timeouts.call is 60 s: the second pause would end with it.
  expect(upstream.calls).toHaveLength(2);
});

test('HT-1.11 not once anything has reached the client, and not when nobody waits', async () => {
  const { upstream, answerFrom, call, send, clock } = world();
  answerFrom(9);
  const told = call('resources/read');
  told.exchange.leg.told = true;
  expect(await send(told)).toMatchObject({ errorCode: 'QM_SERVER_STATUS' });
  expect(upstream.calls).toHaveLength(1);
  const left = call('resources/read');
  const answer = send(left, 10);
  await clock.advance(5);
  left.exchange.leg.cancellation.cancel('client-gone');
  expect(await answer).toMatchObject({ errorCode: 'QM_CANCELLED' });
  expect([upstream.calls.length, clock.pending]).toEqual([2, 0]);
});

test('HT-1.11 each attempt has its own time where that is set', async () => {
  const { answerFrom, call, send, clock, untils } = world({ retry: { ...resilience.retry, perTryMs: 1_000 } });
  answerFrom(2);
  const from = clock.monotonic();
  await send(call('resources/read'));
  expect(untils.map((until) => (until ?? 0) - from)).toEqual([1_000, 1_100]);
  const plain = call('tools/call');
  await send(plain);
  expect(untils.at(-1)).toBeUndefined();
});

test('EF-84 a client says how long it waits; all attempts together keep to it', async () => {
  const { answerFrom, call, send, clock, untils, upstream } = world();
  answerFrom(9);
  const from = clock.monotonic();
  const params = { _meta: { [timeoutKey]: 150 } };
  await send(call('tools/call', params));
  await send(call('resources/read', params));
  expect(untils[0]).toBe(from + 150);
  expect(upstream.calls).toHaveLength(3);
  for (const bad of [0, -1, 1.5, 'soon', null, 1e21])
    expect(await send(call('tools/call', { _meta: { [timeoutKey]: bad } }))).toMatchObject({ code: -32_602 });
  expect(upstream.calls).toHaveLength(3);
});

test('EF-84 places are given back, refusals are relayed, a lane that throws loses nothing', async () => {
  const { upstream, guard, call, send } = world();
  const waiting: ((outcome: Outcome) => void)[] = [];
  upstream.answer = () => new Promise<Outcome>((resolve) => waiting.push(resolve));
  const both = [send(call('tools/call')), send(call('tools/call'))];
  await Promise.resolve();
  expect(await send(call('tools/call'))).toMatchObject({ errorCode: 'QM_OVERLOADED' });
  for (const answer of waiting) answer(failed);
  await Promise.all(both);
  expect(guard.inFlight).toBe(0);
  upstream.answer = () => {
    throw new Error('a bug');
  };
  await expect(send(call('tools/call'))).rejects.toThrow('a bug');
  expect(guard.inFlight).toBe(0);
});

test('HT-0.05 a server that was replaced meanwhile hands its calls on, retries or not', async () => {
  const { upstream, call, send, current } = world();
  const successor = new Guarded(serverConfig('a'));
  successor.enter('Ready', 'Ready');
  upstream.answer = () => {
    current.set('default/a', successor);
    return hubError('QM_SERVER_FAILED', { server: 'default/a', reason: 'it was stopped' });
  };
  expect(await send(call('tools/call'))).toMatchObject({ kind: 'result' });
  expect([upstream.calls.length, successor.calls.length]).toEqual([1, 1]);
});
