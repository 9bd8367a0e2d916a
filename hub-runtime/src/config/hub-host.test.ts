import { expect, test } from 'vitest';

import type { HubConfig, ServerConfig } from '@quaymaster/crds';

import type { ListKind } from '../exchange/index.ts';
import { exchangeOf, FakeUpstream, resultOf, seen, serverConfig } from '../fixtures/index.ts';
import { call, config, hostStage, lazy, list, offer, settle } from './hub-host.fixture.ts';

test('HT-0.05 EF-45 a change leaves unchanged servers alone and starts only the changed one', () => {
  const { host, hub, made, newest } = hostStage();
  host.apply([config('1', serverConfig('a'), serverConfig('b'))]);
  for (const upstream of made) upstream.list(offer('x'));
  const [a, b] = made;
  const port = hub();
  host.apply([config('2', serverConfig('a'), serverConfig('b', { runtimeHash: 'other' }))]);
  expect(hub()).toBe(port);
  expect(made).toHaveLength(3);
  expect(hub().graph.upstream('default/a')).toBe(a);
  expect(a?.log).toEqual(['start', 'reconfigure']);
  expect(b?.log).toEqual(['start', 'stop 1000']);
  expect(b?.subscribers).toBe(0);
  expect(newest('b').log).toEqual(['start']);
});

test('the same configuration again changes nothing at all', () => {
  const { host, hub, made } = hostStage();
  const one = config('1', serverConfig('a'));
  host.apply([one]);
  const { graph } = hub();
  host.apply([one]);
  expect(hub().graph).toBe(graph);
  expect(made).toHaveLength(1);
});

test('HT-0.05 a replaced server shows its old tools until it has listed its own; calls to it wait for its start', async () => {
  const { host, hub, newest, clock } = hostStage();
  host.apply([config('1', serverConfig('a'))]);
  newest('a').list(offer('x', 'old'));
  await list(hub());
  const heard: (readonly ListKind[])[] = [];
  hub().onListsChanged((kinds) => heard.push(kinds));
  host.apply([config('2', serverConfig('a', { runtimeHash: 'new' }))]);
  expect(await list(hub())).toEqual(['a_old', 'a_x']);
  expect(heard).toEqual([]);
  const waiting = call(hub(), 'a_x');
  const unknownYet = call(hub(), 'a_new');
  await settle();
  newest('a').list(offer('x', 'new'));
  expect(seen(await waiting)).toEqual({ from: 'a', target: 'x' });
  expect(seen(await unknownYet)).toEqual({ from: 'a', target: 'new' });
  await clock.advance(100);
  expect(heard).toEqual([['tools']]);
});

test('checklist 39: a server that fails keeps its last good listing, also across configuration changes; a removed one leaves at once', async () => {
  const { host, hub, newest, events, gone } = hostStage();
  host.apply([config('1', serverConfig('a'), serverConfig('b'))]);
  newest('a').list(offer('x'));
  newest('b').list(offer('y'));
  newest('a').enter('Degraded', 'CrashLoop');
  host.apply([config('2', serverConfig('a', { runtimeHash: '2' }), serverConfig('b'))]);
  newest('a').enter('Degraded', 'StartFailed');
  host.apply([config('3', serverConfig('a', { runtimeHash: '3' }), serverConfig('b'))]);
  newest('a').enter('Degraded', 'StartFailed');
  expect(await list(hub())).toEqual(['a_x', 'b_y']);
  host.apply([config('4', serverConfig('b'))]);
  expect(await list(hub())).toEqual(['b_y']);
  await settle();
  expect(gone).toEqual(['default/a']);
  expect(events.filter(({ kind }) => kind === 'serverGone')).toEqual([{ kind: 'serverGone', key: 'default/a' }]);
  host.apply([config('5', serverConfig('a'), serverConfig('b'))]);
  expect(hub().graph.catalog.counts.tools).toBe(1);
});

test('a replaced server is reported as its successor is, once its own end has been told', async () => {
  const { host, newest, states, gone } = hostStage();
  host.apply([config('1', serverConfig('a'))]);
  host.apply([config('2', serverConfig('a', { runtimeHash: '2' }))]);
  newest('a').list(offer('x'));
  await settle();
  expect(states).toEqual(['default/a Ready']);
  expect(gone).toEqual([]);
});

test('HT-0.05 calls in flight end on the graph they began with, and old graphs are given up', async () => {
  const { host, hub, newest, gauges } = hostStage();
  host.apply([config('1', serverConfig('a'))]);
  const old = newest('a');
  old.list(offer('x'));
  let answer: () => void = () => {};
  old.answer = (_, upstream) => new Promise((resolve) => (answer = () => resolve(resultOf('{"old":true}', upstream))));
  const inFlight = call(hub(), 'a_x');
  const liveGraphs = gauges.get('liveGraphs default/desk');
  expect(liveGraphs?.()).toBe(1);
  host.apply([config('2')]);
  host.apply([config('3', serverConfig('b'))]);
  expect(liveGraphs?.()).toBe(2);
  expect(gauges.get('callsInFlight default/desk')?.()).toBe(1);
  expect(old.state.phase).toBe('Draining');
  answer();
  expect(seen(await inFlight)).toEqual({ old: true });
  await settle();
  expect(old.state.phase).toBe('Stopped');
  expect(liveGraphs?.()).toBe(1);
});

test('HT-0.05 a request that read its graph before a swap and arrives after it is served by the successor', async () => {
  const { host, hub, newest } = hostStage();
  host.apply([config('1', serverConfig('a'))]);
  const old = newest('a');
  old.list(offer('x'));
  const late = exchangeOf(hub().graph, 'tools/call', { name: 'a_x' });
  host.apply([config('2', serverConfig('a', { runtimeHash: '2' }))]);
  const outcome = hub().handle(late);
  await settle();
  newest('a').list(offer('x'));
  expect(seen(await outcome)).toEqual({ from: 'a', target: 'x' });
  // Not even asked: what takes no new work may still be willing for a moment, and would be cut off by its drain timeout.
  expect(old.log).toEqual(['start', 'stop 1000']);
});

test('HT-0.05 a call waiting for a server that is replaced before it started follows to the successor', async () => {
  const { host, hub, newest, made } = hostStage();
  host.apply([config('1', serverConfig('a'))]);
  newest('a').list(offer('x'));
  host.apply([config('2', serverConfig('a', { runtimeHash: '2' }))]);
  const waiting = call(hub(), 'a_x');
  await settle();
  host.apply([config('3', serverConfig('a', { runtimeHash: '3' }))]);
  await settle();
  newest('a').list(offer('x'));
  expect(seen(await waiting)).toEqual({ from: 'a', target: 'x' });
  expect(made.map(({ calls }) => calls.length)).toEqual([0, 0, 1]);
});

test('HT-0.05 a call for a tool nobody has listed yet follows its server through changes of the configuration', async () => {
  const { host, hub, newest } = hostStage();
  host.apply([config('1', serverConfig('a'))]);
  const waiting = call(hub(), 'a_x');
  await settle();
  host.apply([config('2', serverConfig('a', { runtimeHash: '2' }))]);
  await settle();
  await settle();
  newest('a').list(offer('x'));
  expect(seen(await waiting)).toEqual({ from: 'a', target: 'x' });
});

test('HT-0.05 100 swaps under load lose no call, and nothing is left behind', async () => {
  const { host, hub, made, gauges, clock } = hostStage((server) => {
    const upstream = new FakeUpstream(server);
    // Starts and answers take their time, so that calls meet swaps in every state.
    const { start } = upstream;
    upstream.start = () => {
      start.call(upstream);
      setImmediate(() => setImmediate(() => upstream.state.phase === 'Starting' && upstream.list(offer('x'))));
    };
    upstream.answer = async (one, self) => {
      for (let turn = 0; turn < 1 + (self.calls.length % 4); turn++) await settle();
      return resultOf(`{"from":"${self.config.name}","target":"${one.target}"}`, self);
    };
    return upstream;
  });
  const servers = (round: number): ServerConfig[] => [
    serverConfig('steady'),
    serverConfig('moving', { runtimeHash: `r${Math.floor(round / 2)}` }),
    ...(round % 3 === 0 ? [serverConfig('guest')] : []),
  ];
  host.apply([config('0', ...servers(0))]);
  await host.whenSettled(1_000);
  await list(hub());
  const outcomes: Promise<unknown>[] = [];
  for (let round = 1; round <= 100; round++) {
    for (const name of ['steady_x', 'moving_x']) {
      outcomes.push(call(hub(), name).then(seen));
      const early = exchangeOf(hub().graph, 'tools/call', { name });
      outcomes.push(
        settle()
          .then(() => hub().handle(early))
          .then(seen),
      );
    }
    host.apply([config(String(round), ...servers(round))]);
    if (round % 2 === 0) await settle();
    await clock.advance(20);
  }
  const answers = await Promise.all(outcomes);
  expect(answers.filter((one) => (one as { target?: string }).target !== 'x')).toEqual([]);
  expect(answers).toHaveLength(400);
  expect(gauges.get('liveGraphs default/desk')?.()).toBe(1);
  expect(gauges.get('callsInFlight default/desk')?.()).toBe(0);
  expect(made.filter(({ config: { name } }) => name === 'steady')).toHaveLength(1);
  await settle();
  const alive = made.filter(({ state }) => state.phase !== 'Stopped');
  expect(alive.map(({ config: { name } }) => name).sort()).toEqual(['moving', 'steady']);
  await host.close();
  expect(made.every(({ state, subscribers }) => state.phase === 'Stopped' && subscribers === 0)).toBe(true);
  expect(gauges.size).toBe(0);
  expect(clock.pending).toBe(0);
});

test('hubs share one upstream per server; it goes when the last hub lets it go', () => {
  const { host, made, hub, events } = hostStage();
  const desk = config('1', serverConfig('a'));
  const shop = { ...config('1', serverConfig('a')), name: 'shop' };
  host.apply([desk, shop]);
  expect(made).toHaveLength(1);
  expect(host.hubs.map(({ graph }) => graph.config.name)).toEqual(['desk', 'shop']);
  made[0]?.list(offer('x'));
  expect(hub('default/shop').graph.catalog.counts.tools).toBe(1);
  host.apply([shop]);
  expect(made[0]?.state.phase).toBe('Ready');
  expect(host.hub('default/desk')).toBeUndefined();
  expect(events.some((event) => event.kind === 'hubGone' && event.hub === 'default/desk')).toBe(true);
  host.apply([]);
  expect(made[0]?.log).toContain('stop 1000');
  expect(host.upstreams()).toEqual([]);
});

test('HT-0.05 all or nothing: when one upstream cannot be made, nothing has changed', () => {
  let fail = false;
  const { host, hub, made } = hostStage((server) => {
    if (fail && server.name === 'bad') throw new Error('bug');
    return new FakeUpstream(server);
  });
  host.apply([config('1', serverConfig('a'))]);
  const { graph } = hub();
  fail = true;
  expect(() => host.apply([config('2', serverConfig('b'), serverConfig('bad'))])).toThrow('bug');
  expect(hub().graph).toBe(graph);
  expect(host.upstreams()).toEqual([made[0]]);
  expect(made[0]?.log).toEqual(['start']);
  expect(made[1]?.log).toEqual(['stop 0']);
});

test('HT-0.05 all or nothing: when one catalog cannot be built, nothing has changed and new hubs leave no trace', () => {
  const { host, hub, made, gauges } = hostStage();
  host.apply([config('1', serverConfig('a'))]);
  const { graph } = hub();
  const broken = { ...config('2', serverConfig('a')), naming: undefined } as unknown as HubConfig;
  made[0]?.list(offer('x'));
  const current = hub().graph;
  expect(current).not.toBe(graph);
  expect(() => host.apply([{ ...config('2', serverConfig('c')), name: 'new' }, broken])).toThrow();
  expect(hub().graph).toBe(current);
  expect(host.hub('default/new')).toBeUndefined();
  expect([...gauges.keys()].filter((key) => key.includes('new'))).toEqual([]);
  expect(made[1]?.log).toEqual(['stop 0']);
});

test('whenSettled: all listed, failed or asleep; or the time is over', async () => {
  const { host, newest, clock } = hostStage();
  host.apply([config('1', serverConfig('a'), serverConfig('b'), lazy('c'))]);
  const done: string[] = [];
  void host.whenSettled(5_000).then(() => done.push('settled'));
  newest('a').list(offer('x'));
  await settle();
  expect(done).toEqual([]);
  newest('b').enter('Degraded', 'StartFailed');
  await settle();
  expect(done).toEqual(['settled']);
  newest('a').list(offer('x', 'y'));
  await host.whenSettled(1);
  host.apply([config('2', serverConfig('d'))]);
  const late = host.whenSettled(50);
  await clock.advance(50);
  await late;
  expect(clock.pending).toBeLessThanOrEqual(1);
});

test('what happens is told: states, graphs with their catalog', () => {
  const { host, events, newest } = hostStage();
  host.apply([config('1', serverConfig('a'))]);
  newest('a').list(offer('x'));
  expect(events.map((event) => (event.kind === 'server' ? `${event.kind} ${event.state.phase}` : event.kind))).toEqual([
    'server Starting',
    'graph',
    'server Ready',
    'graph',
  ]);
  const last = events.at(-1);
  expect(last).toMatchObject({ hub: 'default/desk', generation: 2, catalog: { counts: { tools: 1 } } });
});

test('ended sessions are told to the servers of the hub', () => {
  const { host, hub, newest } = hostStage();
  host.apply([config('1', serverConfig('a'))]);
  hub().sessionEnded('s1');
  expect(newest('a').log).toContain('sessionEnded s1');
});

test('close stops everything, ends waits, and is idempotent; nothing is applied afterwards', async () => {
  const { host, hub, newest, clock, made } = hostStage();
  host.apply([config('1', serverConfig('a'))]);
  const waiting = list(hub());
  const settled = host.whenSettled(60_000);
  newest('a').stop = () => Promise.reject(new Error('does not stop'));
  await Promise.all([host.close(), host.close()]);
  expect(await waiting).toEqual([]);
  await settled;
  expect(clock.pending).toBe(0);
  host.apply([config('2', serverConfig('b'))]);
  expect(made).toHaveLength(1);
});
