import { describe, expect, test } from 'vitest';

import type { ResilienceConfig, ServerConfig } from '@quaymaster/crds';

import { Cancellation, type ServerTarget } from '../exchange/index.ts';
import { ConnectError } from './conversation.ts';
import { FakeConversation, gone, makeCall, resultOf, serverConfig, serverWorld, stdioTarget } from './testing/index.ts';

const onDemand: Partial<ServerConfig> = {
  lifecycle: { start: 'onDemand', drainTimeoutMs: 1_000, required: false, idleMs: 10_000 },
};

const world = (change = onDemand, target = stdioTarget) => serverWorld(change, target);

async function awake() {
  const one = world();
  one.upstream.start();
  await one.clock.advance(1);
  expect(one.upstream.state.phase).toBe('Pending');
  expect(resultOf(await one.call())).toEqual({ done: true });
  return one;
}

describe('HT-0.09 onDemand', () => {
  test('starts with the first call, stops when nobody has called for the idle time, keeps what it offers', async () => {
    const { clock, upstream, connector, call } = await awake();
    await clock.advance(9_000);
    await call();
    await clock.advance(9_900);
    expect(upstream.state.phase).toBe('Ready');
    await clock.advance(5_000);
    expect(upstream.state).toMatchObject({ phase: 'Pending', reason: 'Asleep', restarts: 0, pid: undefined });
    expect(connector.last.closedWith).toBe('nobody called it');
    expect(upstream.listing?.tools).toHaveLength(1);
    expect(resultOf(await call())).toEqual({ done: true });
    expect([upstream.state.phase, upstream.state.restarts, connector.opened.length]).toEqual(['Ready', 0, 2]);
  });

  test('is not stopped under a call, nor while somebody watches a resource', async () => {
    const { clock, upstream, connector, call } = await awake();
    let end = (): void => {};
    connector.last.onSend = () =>
      new Promise((resolve) => (end = () => resolve(connector.last.result({ late: true }))));
    const answer = call();
    await clock.advance(60_000);
    expect(upstream.state.phase).toBe('Ready');
    end();
    await answer;
    const { capabilities } = new FakeConversation(connector.last.wanted, { resources: { subscribe: true } });
    Object.assign(connector.last, {
      capabilities,
      watchResource: () => Promise.resolve(undefined),
      unwatchResource: () => {},
    });
    const listener = (): void => {};
    const { caller } = makeCall('ping', {});
    await upstream.watchResource?.(caller, 'file:///a', listener);
    await clock.advance(60_000);
    expect(upstream.state.phase).toBe('Ready');
    upstream.unwatchResource?.(caller, 'file:///a', listener);
    await clock.advance(20_000);
    expect(upstream.state.reason).toBe('Asleep');
  });

  test('a call that wakes it waits as long as a start may take, also when the first attempts fail', async () => {
    const { clock, connector, call } = await awake();
    await clock.advance(20_000);
    let attempts = 0;
    connector.plan = () => {
      if (++attempts < 3) throw new ConnectError('Exited', 'not yet', true);
    };
    const answer = call();
    await clock.advance(4_000);
    expect(resultOf(await answer)).toEqual({ done: true });
  });

  test('EF-84 a call that waits for it waits no longer than its client does', async () => {
    const { clock, connector, upstream } = world();
    connector.plan = () => new Promise(() => {});
    const one = makeCall('tools/call', { name: 'echo' }, { call: { until: clock.monotonic() + 300 } });
    const answer = upstream.lane(one.caller).send(one.call);
    await clock.advance(500);
    expect(await answer).toMatchObject({ errorCode: 'QM_SERVER_FAILED' });
  });

  test('asleep it may be stopped, restarted, and leaves no timer behind', async () => {
    const { clock, upstream } = await awake();
    await clock.advance(20_000);
    await Promise.all([upstream.stop(1_000), clock.advance(100)]);
    expect([upstream.state.phase, clock.pending]).toEqual(['Stopped', 0]);
  });

  test('eager and lazy servers are never stopped for being idle', async () => {
    const { clock, upstream } = world({ lifecycle: { start: 'eager', drainTimeoutMs: 1, required: false } });
    upstream.start();
    await clock.advance(100 * 3_600_000);
    expect(upstream.state.phase).toBe('Ready');
  });
});

describe('instances: perPrincipal', () => {
  const http: ServerTarget = { kind: 'http', url: 'http://x/', headers: {} };
  const session = (id: string) => ({ era: 'legacy' as const, session: { id, notify: () => {} } });

  test.each([
    ['perPrincipal', 1],
    ['perClient', 2],
  ] as const)('%s: two sessions of one principal have %i conversations', async (mode, expected) => {
    const { clock, connector, upstream, call } = world({ instances: { mode, max: 5 } }, http);
    connector.plan = (conversation) => void (conversation.era = 'legacy');
    upstream.start();
    await clock.advance(1);
    for (const id of ['s1', 's2', 's1']) await call(makeCall('tools/call', { name: 'echo' }, { caller: session(id) }));
    expect(connector.asked.filter(({ purpose }) => purpose === 'client')).toHaveLength(expected);
    upstream.sessionEnded('s1');
    await call(makeCall('tools/call', { name: 'echo' }, { caller: session('s2') }));
    expect(connector.asked.filter(({ purpose }) => purpose === 'client')).toHaveLength(expected);
    // It belongs to no session: what it says unasked is nobody's in particular.
    if (mode === 'perPrincipal') expect(connector.asked.at(-1)?.caller?.session).toBeUndefined();
  });
});

describe('EF-84 what a server says of its breakers', () => {
  const resilience: ResilienceConfig = {
    retry: { attempts: 1, backoff: 'fixed', delayMs: 1, maxDelayMs: 1 },
    breaker: {
      windowMs: 10_000,
      minCalls: 2,
      failurePercent: 50,
      slowPercent: 90,
      openMs: 1_000,
      maxOpenMs: 1_000,
      probes: 1,
    },
    bulkhead: { queue: 1, queueMs: 1_000 },
  };

  test('HT-1.12 a server that is there again within its conversation begins with a closed circuit', async () => {
    const { clock, upstream, connector } = world({ resilience });
    upstream.start();
    await clock.advance(1);
    for (let n = 0; n < 2; n++) {
      const pass = upstream.guard?.enter(makeCall('tools/call', { name: 'echo' }).call);
      if (pass === undefined || !('startedAt' in pass)) throw new Error('refused');
      upstream.guard?.leave(pass, gone);
      await clock.advance(n === 0 ? 1_500 : 0);
    }
    expect(upstream.state.circuit).toEqual({ state: 'open' });
    connector.asked[0]?.renewed?.();
    expect(upstream.state.circuit).toBeUndefined();
  });

  test('HT-1.09 the state tells, an event says when it changed, a new start closes it', async () => {
    const { clock, upstream, events, connector } = world({ resilience });
    upstream.start();
    await clock.advance(1);
    for (let n = 0; n < 2; n++) {
      const { call } = makeCall('tools/call', { name: 'echo' });
      const pass = upstream.guard?.enter(call);
      if (pass === undefined || !('startedAt' in pass)) throw new Error('refused');
      upstream.guard?.leave(pass, gone);
      await clock.advance(1_500);
    }
    expect(upstream.state).toMatchObject({ phase: 'Ready', circuit: { state: 'halfOpen' } });
    expect(events.at(-1)).toMatchObject({ kind: 'state', state: { phase: 'Ready', circuit: { state: 'open' } } });
    connector.last.end('Exited');
    await clock.advance(1_000);
    expect(upstream.state.circuit).toBeUndefined();
    upstream.reconfigure(serverConfig({}));
    expect(upstream.guard).toBeUndefined();
    upstream.reconfigure(serverConfig({ resilience }));
    expect(upstream.guard).toBeDefined();
    const { call } = makeCall('tools/call', { name: 'echo' }, { leg: { cancellation: new Cancellation() } });
    expect(upstream.guard?.enter(call)).toMatchObject({ startedAt: undefined });
  });
});
