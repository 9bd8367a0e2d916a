import { describe, expect, test } from 'vitest';

import { hubError, TargetError } from '../exchange/index.ts';
import { ConnectError } from './conversation.ts';
import { httpLimits } from './http/index.ts';
import { graceMs } from './machine.ts';
import { makeCall, resultOf, serverConfig, serverUp, serverWorld } from './testing/index.ts';

describe('HT-0.09 coming up', () => {
  test('resolves, connects, lists, and says so in this order', async () => {
    const { upstream, phases, events, connector } = await serverUp();
    expect(new Set(phases())).toEqual(new Set(['Starting', 'Ready']));
    expect(events.findIndex((one) => one.kind === 'listing')).toBeLessThan(
      events.findIndex((one) => one.kind === 'state' && one.state.phase === 'Ready'),
    );
    expect(upstream.state).toMatchObject({
      reason: 'Ready',
      message: 'speaks 2026-07-28; 1 tool',
      pid: 4_711,
      restarts: 0,
    });
    expect(upstream.listing?.tools).toEqual(['{"name":"echo"}']);
    upstream.start();
    expect(connector.opened).toHaveLength(1);
  });

  test('calls wait for a starting server, and for the first start as long as it may take', async () => {
    const { clock, connector, upstream, call } = serverWorld({
      timeouts: { ...serverConfig().timeouts, startMs: 20_000 },
    });
    let go: () => void = () => {};
    connector.plan = () => new Promise((resolve) => (go = resolve));
    upstream.start();
    const answer = call();
    await clock.advance(15_000);
    expect(upstream.inFlight).toBe(1);
    go();
    expect(resultOf(await answer)).toEqual({ done: true });
  });

  test('a lazy server starts with the first call or list that needs it', async () => {
    const lazy = { lifecycle: { ...serverConfig().lifecycle, start: 'lazy' as const } };
    const first = serverWorld(lazy);
    first.upstream.start();
    await first.clock.advance(1_000);
    expect(first.upstream.state.phase).toBe('Pending');
    expect(resultOf(await first.call())).toEqual({ done: true });
    const second = serverWorld(lazy);
    await Promise.all([second.upstream.wake(1_000), second.clock.advance(1)]);
    expect(second.upstream.listing).toBeDefined();
  });

  test('a start that hangs ends in time, with the reason', async () => {
    const { clock, connector, upstream } = serverWorld();
    connector.plan = () => new Promise(() => {});
    const woken = upstream.wake(60_000);
    await clock.advance(1);
    await clock.advance(5_001);
    await woken;
    expect(upstream.state).toMatchObject({
      phase: 'Degraded',
      reason: 'HandshakeFailed',
      message: expect.stringContaining('5000 ms'),
    });
  });

  test('wake waits no longer than asked', async () => {
    const { clock, connector, upstream } = serverWorld();
    connector.plan = () => new Promise(() => {});
    const woken = upstream.wake(100);
    await clock.advance(101);
    await woken;
    expect(upstream.state.phase).toBe('Starting');
  });

  test.each([
    ['a target that cannot be resolved', new TargetError('SecretNotFound', 'no secret', false), 'SecretNotFound'],
    ['a connection that is refused', new ConnectError('Unreachable', 'refused', true), 'Unreachable'],
    ['an error nobody foresaw', new TypeError('oops'), 'StartFailed'],
  ])('%s: calls fail at once with the reason', async (_name, error, reason) => {
    const { clock, connector, upstream, call } = serverWorld();
    connector.plan = () => {
      throw error;
    };
    upstream.start();
    const waiting = call();
    await clock.advance(1);
    expect(upstream.state).toMatchObject({ phase: 'Degraded', reason });
    expect(await waiting).toMatchObject({
      errorCode: 'QM_SERVER_FAILED',
      message: expect.stringContaining(error.message),
    });
    expect(await call()).toMatchObject({ errorCode: 'QM_SERVER_FAILED', httpStatus: 200 });
  });

  test('tools that cannot be listed are a failed start, tried again', async () => {
    const { clock, connector, upstream } = serverWorld();
    connector.plan = (conversation, attempt) => {
      if (attempt === 1) conversation.onRequest = () => hubError('QM_CALL_TIMEOUT', { server: 's', ms: 1 });
    };
    upstream.start();
    await clock.advance(1);
    expect(upstream.state.reason).toBe('HandshakeFailed');
    expect(connector.opened[0]?.closedWith).toBe('the start failed');
    await clock.advance(1_000);
    expect(upstream.state.phase).toBe('Ready');
  });

  test('a server that ends while it is listed has not come up', async () => {
    const { clock, connector, upstream } = serverWorld();
    connector.plan = (conversation, attempt) => {
      if (attempt === 1)
        conversation.onRequest = () => (conversation.end('Exited', 'exited with code 1'), new Promise(() => {}));
    };
    upstream.start();
    await clock.advance(1);
    expect(upstream.state).toMatchObject({ phase: 'Degraded', reason: 'Exited' });
    await clock.advance(1_000);
    expect(upstream.state.phase).toBe('Ready');
  });
});

describe('EF-31 going down and coming back', () => {
  test('a crash is followed by a new start; calls in between wait; the listing stays and is not announced again', async () => {
    const { clock, connector, upstream, call, listings, phases } = await serverUp();
    connector.last.end('Exited', 'exited with code 1');
    expect(upstream.state).toMatchObject({ phase: 'Starting', restarts: 1, pid: undefined });
    expect(upstream.listing).toBeDefined();
    const answer = call();
    await clock.advance(200);
    expect(resultOf(await answer)).toEqual({ done: true });
    expect(upstream.state.phase).toBe('Ready');
    expect([listings(), phases().includes('Degraded')]).toEqual([1, false]);
  });

  test('other tools after a restart are a new listing', async () => {
    const { clock, connector, upstream, listings } = await serverUp();
    connector.plan = (conversation) => void (conversation.tools = ['other']);
    connector.last.end('Exited');
    await clock.advance(200);
    expect(upstream.listing?.tools).toEqual(['{"name":"other"}']);
    expect(listings()).toBe(2);
  });

  test('one that stays away is Degraded after the grace, and never given up', async () => {
    const { clock, connector, upstream, call } = await serverUp();
    connector.plan = () => {
      throw new ConnectError('Unreachable', 'refused', true);
    };
    connector.last.end('Unreachable');
    const waiting = call();
    await clock.advance(graceMs - 1_000);
    expect(upstream.state.phase).toBe('Starting');
    await clock.advance(10_000);
    expect(upstream.state).toMatchObject({ phase: 'Degraded', reason: 'Unreachable' });
    expect(await waiting).toMatchObject({ errorCode: 'QM_SERVER_FAILED' });
    connector.plan = () => {};
    await clock.advance(31_000);
    expect(upstream.state.phase).toBe('Ready');
  });

  test('HT-1.12 fifty flaps later it is Ready, and nothing is left over', async () => {
    const { clock, connector, upstream } = await serverUp();
    for (let flap = 0; flap < 50; flap++) {
      connector.last.end('Exited');
      await clock.advance(40_000);
    }
    expect(upstream.state).toMatchObject({ phase: 'Ready', restarts: 50 });
    expect(connector.opened).toHaveLength(51);
    // Health check only.
    expect(clock.pending).toBe(1);
    const stopped = upstream.stop(0);
    await clock.advance(100);
    await stopped;
    expect(clock.pending).toBe(0);
  });

  test('silence is found out, the conversation replaced', async () => {
    const { clock, connector, upstream } = await serverUp();
    const first = connector.last;
    first.onRequest = () => hubError('QM_CALL_TIMEOUT', { server: 's', ms: 1 });
    await clock.advance(30_000 + 2_100);
    expect(first.closedWith).toContain('3 checks in a row');
    expect(upstream.state.reason).toBe('HealthCheckFailed');
    await clock.advance(1_000);
    expect(upstream.state.phase).toBe('Ready');
    expect(upstream.state.restarts).toBe(1);
  });

  test('a broken connection is looked into at once', async () => {
    const { clock, connector } = await serverUp();
    connector.last.wanted.suspect?.();
    await clock.advance(1);
    expect(connector.last.requests.at(-1)).toBe('server/discover');
  });

  test('a call taken back is sent again once, on the new conversation', async () => {
    const { clock, connector } = await serverUp();
    const first = connector.last;
    const one = makeCall('tools/call', { name: 'echo' });
    first.end('Unreachable');
    const again = first.wanted.resend?.(one.call);
    await clock.advance(200);
    expect(again === undefined ? undefined : resultOf(await again)).toEqual({ done: true });
    expect(connector.last.sent).toEqual([one.call]);
    expect(first.wanted.resend?.(one.call)).toBeUndefined();
  });
});

describe('checklist 56: the era of a server', () => {
  test('is remembered for the next start, and forgotten when it did not work', async () => {
    const { clock, connector } = await serverUp();
    connector.last.end('Exited');
    await clock.advance(200);
    expect(connector.asked.map((one) => one.verdict)).toEqual([undefined, 'modern']);
    connector.last.end('HandshakeFailed', 'it no longer speaks 2026-07-28');
    await clock.advance(500);
    expect(connector.asked.at(-1)?.verdict).toBeUndefined();
  });

  test('an upgrade behind a live legacy conversation is noticed; the old one finishes its calls', async () => {
    const { clock, connector, upstream } = serverWorld();
    connector.plan = (conversation, attempt) => {
      if (attempt === 1) conversation.era = 'legacy';
    };
    let probes = 0;
    connector.upgraded = async () => ++probes === 2;
    upstream.start();
    await clock.advance(1);
    const old = connector.last;
    await clock.advance(httpLimits.legacyVerdictMs + 30_000);
    expect([probes, connector.opened.length]).toEqual([1, 1]);
    await clock.advance(httpLimits.legacyVerdictMs + 60_000);
    expect([probes, connector.opened.length]).toEqual([2, 2]);
    expect(upstream.listing?.era).toBe('modern');
    await clock.advance(1_000);
    expect(old.closedWith).toBe('replaced');
    expect(upstream.state).toMatchObject({ phase: 'Ready', restarts: 0 });
  });

  test('HT-0.09 a server that falls asleep during a change-over is not woken by it', async () => {
    const idleMs = httpLimits.legacyVerdictMs + 120_000;
    const lifecycle = { ...serverConfig().lifecycle, start: 'onDemand' as const, idleMs };
    const timeouts = { ...serverConfig().timeouts, startMs: 600_000 };
    const { clock, connector, upstream, call } = serverWorld({ lifecycle, timeouts });
    let go: () => void = () => {};
    connector.plan = (conversation, attempt) => {
      if (attempt > 1) return new Promise((resolve) => (go = resolve));
      conversation.era = 'legacy';
      return undefined;
    };
    connector.upgraded = () => Promise.resolve(true);
    await Promise.all([call(), clock.advance(1)]);
    const old = connector.last;
    await clock.advance(idleMs + 30_000);
    expect([connector.asked.length, upstream.state.reason, old.closedWith]).toEqual([2, 'Asleep', 'nobody called it']);
    go();
    await clock.advance(1_000);
    expect([upstream.state.reason, connector.opened, clock.pending]).toEqual(['Asleep', [old], 0]);
  });

  test('a change-over that fails leaves the old conversation in place', async () => {
    const { clock, connector, upstream, call } = serverWorld();
    connector.plan = (conversation, attempt) => {
      if (attempt > 1) throw new ConnectError('Unreachable', 'no', true);
      conversation.era = 'legacy';
    };
    connector.upgraded = () => Promise.resolve(true);
    upstream.start();
    await clock.advance(1);
    await clock.advance(httpLimits.legacyVerdictMs + 60_000);
    expect(connector.asked.length).toBe(2);
    expect(upstream.state.phase).toBe('Ready');
    expect(resultOf(await call())).toEqual({ done: true });
  });
});
