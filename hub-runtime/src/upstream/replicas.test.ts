/** A server whose replicas come and go, as its life: who waits, how long, and what is said meanwhile. */
import { describe, expect, test } from 'vitest';

import type { ServerConfig } from '@quaymaster/crds';

import { createTestClock } from '../base/index.ts';
import { hubError, type UpstreamEvent } from '../exchange/index.ts';
import { ConnectError } from './conversation.ts';
import { createUpstream } from './create-upstream.ts';
import { replicaGraceMs } from './machine.ts';
import {
  draining,
  FakeConnector,
  FakeFeed,
  makeCall,
  resultOf,
  serverConfig,
  starting,
  upstreamDeps,
} from './testing/index.ts';
import { maxWaitingCalls } from './waiting-calls.ts';

const none = new ConnectError('NoEndpoints', 'no replica of it is ready', true);

function world(feed: FakeFeed, change: Partial<ServerConfig> = {}) {
  const clock = createTestClock();
  const connector = new FakeConnector();
  connector.plan = () => {
    if (why !== undefined) throw why;
    if (feed.current?.every(({ state }) => state !== 'ready') === true) throw none;
  };
  let why: ConnectError | undefined;
  const target = { kind: 'http', url: 'http://files/', headers: {}, endpoints: feed } as const;
  const upstream = createUpstream(serverConfig(change), upstreamDeps(target, { clock, connectorFor: () => connector }));
  const events: UpstreamEvent[] = [];
  upstream.subscribe((event) => events.push(event));
  return {
    clock,
    connector,
    upstream,
    feed,
    because: (error: ConnectError | undefined) => (why = error),
    call: (one = makeCall('tools/call', { name: 'echo' })) => upstream.lane(one.caller).send(one.call),
    listings: (): number => events.filter((event) => event.kind === 'listing').length,
    phases: () =>
      events.flatMap((event) => (event.kind === 'state' ? [`${event.state.phase}/${event.state.reason}`] : [])),
    /** As the conversation notices it. */
    leave: (...now: Parameters<FakeFeed['say']>) => {
      feed.say(...now);
      connector.last.end('NoEndpoints', none.message);
    },
  };
}

async function up(change: Partial<ServerConfig> = {}) {
  const one = world(new FakeFeed('a:1'), change);
  one.upstream.start();
  await one.clock.advance(1);
  expect(one.upstream.state.phase).toBe('Ready');
  return one;
}

describe('HT-0.09 before there was any', () => {
  test('it is starting, for as long as it takes; the first replica brings it up at once', async () => {
    const { clock, upstream, feed, phases } = world(new FakeFeed());
    upstream.start();
    await clock.advance(10 * 60_000);
    expect(upstream.state).toMatchObject({ phase: 'Starting', reason: 'NoEndpoints', message: none.message });
    expect(phases().some((one) => one.startsWith('Degraded'))).toBe(false);
    feed.say('a:1');
    await clock.advance(0);
    expect(upstream.state).toMatchObject({ phase: 'Ready', restarts: 0 });
  });

  test('what a replica says of itself meanwhile is the message', async () => {
    const { clock, upstream, because } = world(new FakeFeed(starting('a:1')));
    because(new ConnectError('Starting', 'installing x 1.2', true));
    upstream.start();
    await clock.advance(60_000);
    expect(upstream.state).toMatchObject({ phase: 'Starting', reason: 'Starting', message: 'installing x 1.2' });
    because(new ConnectError('InstallFailed', 'no such package', false));
    await clock.advance(5_000);
    expect(upstream.state).toMatchObject({ phase: 'Degraded', reason: 'InstallFailed', message: 'no such package' });
  });
});

describe('EF-57 when all have gone', () => {
  test('calls wait and are served by the next one; nothing of it is a restart, and its lists stand', async () => {
    const { clock, upstream, connector, call, leave, feed, listings } = await up();
    leave(draining('a:1'));
    const calls = [call(), call()];
    await clock.advance(3_000);
    expect(upstream.state).toMatchObject({ phase: 'Starting', reason: 'NoEndpoints', restarts: 0 });
    expect(upstream.listing?.tools).toEqual(['{"name":"echo"}']);
    expect([upstream.waiting, upstream.inFlight]).toEqual([2, 2]);
    feed.say('b:1');
    await clock.advance(0);
    for (const one of calls) expect(resultOf(await one)).toEqual({ done: true });
    expect(connector.opened).toHaveLength(2);
    expect(listings()).toBe(1);
    expect(upstream.waiting).toBe(0);
  });

  test('each waits 30 s and is told why; from then on calls fail at once, until one is there', async () => {
    const { clock, upstream, call, leave, feed } = await up();
    leave();
    const first = call();
    await clock.advance(replicaGraceMs - 1_000);
    const second = call();
    expect(upstream.waiting).toBe(2);
    await clock.advance(1_500);
    const failed = {
      errorCode: 'QM_SERVER_FAILED',
      message: 'server "files" is not available: no replica of it is ready',
    };
    expect(await first).toMatchObject(failed);
    await clock.advance(6_000);
    expect(upstream.state).toMatchObject({ phase: 'Degraded', reason: 'NoEndpoints' });
    expect(upstream.waiting).toBe(1);
    expect(await call()).toMatchObject(failed);
    feed.say('b:1');
    expect(upstream.state.phase).toBe('Starting');
    const third = call();
    await clock.advance(0);
    expect(resultOf(await second)).toEqual({ done: true });
    expect(resultOf(await third)).toEqual({ done: true });
  });

  test('a short spec.timeouts.start is about processes, not about Pods', async () => {
    const { clock, upstream, call, leave } = await up({ timeouts: { ...serverConfig().timeouts, startMs: 1_000 } });
    leave();
    const waiting = call();
    await clock.advance(20_000);
    expect(upstream.waiting).toBe(1);
    await clock.advance(11_000);
    expect(await waiting).toMatchObject({ errorCode: 'QM_SERVER_FAILED' });
  });

  test(`at most ${maxWaitingCalls} wait`, async () => {
    const { clock, upstream, call, leave, feed } = await up();
    leave();
    const calls = Array.from({ length: maxWaitingCalls }, () => call());
    expect(await call()).toMatchObject({ errorCode: 'QM_OVERLOADED' });
    expect(upstream.waiting).toBe(maxWaitingCalls);
    feed.say('b:1');
    await clock.advance(0);
    expect((await Promise.all(calls)).every(({ kind }) => kind === 'result')).toBe(true);
  });

  test('a call that is cancelled leaves the queue and is never sent', async () => {
    const { clock, upstream, connector, call, leave, feed } = await up();
    leave();
    const one = makeCall('tools/call', { name: 'echo' });
    const waiting = call(one);
    one.leg.cancellation.cancel('client-cancelled');
    expect(await waiting).toMatchObject({ errorCode: 'QM_CANCELLED' });
    expect(upstream.waiting).toBe(0);
    feed.say('b:1');
    await clock.advance(0);
    expect(connector.last.sent).toEqual([]);
  });

  test('nobody is checked', async () => {
    const { clock, connector, leave } = await up();
    const { requests } = connector.last;
    leave();
    const before = requests.length;
    await clock.advance(120_000);
    expect(requests).toHaveLength(before);
  });

  test('a reason that a replica gives is the reason, and those who wait hear it', async () => {
    const { clock, upstream, call, leave, because } = await up();
    leave(starting('b:1'));
    const waiting = call();
    because(new ConnectError('PackageNotFound', 'there is no such package', false));
    await clock.advance(1_000);
    expect(upstream.state).toMatchObject({ phase: 'Degraded', reason: 'PackageNotFound' });
    expect(await waiting).toMatchObject({ message: expect.stringContaining('there is no such package') });
  });

  test('one that starts for too long is down, with what it says', async () => {
    const { clock, upstream, leave, because } = await up();
    leave(starting('b:1'));
    because(new ConnectError('Starting', 'installing', true));
    await clock.advance(40_000);
    expect(upstream.state).toMatchObject({ phase: 'Degraded', reason: 'NoEndpoints', message: 'installing' });
  });
});

describe('one that hangs', () => {
  const silence = hubError('QM_CALL_TIMEOUT', { server: 'default/files', ms: 1_000 });
  const hung = async (...replicas: string[]) => {
    const one = world(new FakeFeed(...replicas));
    one.upstream.start();
    await one.clock.advance(1);
    one.connector.last.onRequest = () => silence;
    const { intervalMs, timeoutMs } = serverConfig().health;
    await one.clock.advance(intervalMs + 2 * timeoutMs);
    expect(one.connector.last.closedWith).toContain('checks in a row failed');
    return one;
  };

  test('while others are ready calls wait for the next conversation', async () => {
    const { upstream, clock, call } = await hung('a:1', 'b:1');
    expect(upstream.state.phase).toBe('Starting');
    const waiting = call();
    await clock.advance(1_000);
    expect(resultOf(await waiting)).toEqual({ done: true });
  });

  test('as the only one it is down at once', async () => {
    const { upstream, call } = await hung('a:1');
    expect(upstream.state).toMatchObject({ phase: 'Degraded', reason: 'HealthCheckFailed' });
    expect(await call()).toMatchObject({ errorCode: 'QM_SERVER_FAILED' });
  });
});

describe('attempts and arrivals', () => {
  test('an attempt that only asks why is given up for the first replica that is ready; one that connects is not', async () => {
    const { clock, connector, upstream, feed } = world(new FakeFeed(starting('a:1')));
    let hanging = 0;
    connector.plan = () => new Promise<void>(() => hanging++);
    upstream.start();
    await clock.advance(1);
    expect(hanging).toBe(1);
    feed.say('a:1');
    await clock.advance(0);
    expect(hanging).toBe(2);
    feed.say('a:1', 'b:1');
    await clock.advance(0);
    expect(hanging).toBe(2);
  });

  test('what does not come is no arrival', async () => {
    const { clock, connector, feed } = await up();
    const asked = connector.asked.length;
    feed.say('a:1', starting('b:1'));
    feed.say('a:1', 'b:1');
    feed.say('b:1');
    await clock.advance(60_000);
    expect(connector.asked).toHaveLength(asked);
  });

  test('one that stops while calls wait still serves them when a replica comes in time', async () => {
    const { clock, upstream, connector, call, leave, feed } = await up();
    leave();
    const waiting = call();
    await clock.advance(500);
    const stopped = upstream.stop(10_000);
    await clock.advance(2_000);
    feed.say('b:1');
    await clock.advance(0);
    expect(resultOf(await waiting)).toEqual({ done: true });
    await clock.advance(11_000);
    await stopped;
    expect(upstream.state.phase).toBe('Stopped');
    expect(connector.last.closedWith).toBeDefined();
    expect(feed.subscribers).toBe(0);
    feed.say('c:1');
    await clock.advance(1_000);
    expect(connector.opened).toHaveLength(2);
  });

  test('a stop while nothing waits ends the attempts', async () => {
    const { clock, upstream, connector, leave, feed } = await up();
    leave();
    const stopped = upstream.stop(1_000);
    feed.say('b:1');
    await clock.advance(2_000);
    await stopped;
    expect(connector.opened).toHaveLength(1);
  });
});
