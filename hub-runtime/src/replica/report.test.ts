import { expect, test } from 'vitest';

import { createTestClock } from '../base/index.ts';
import { createServerObserver } from '../driver/index.ts';
import type { CatalogProblem, HubPort } from '../exchange/index.ts';
import { FakeUpstream, listing, serverConfig, tool } from '../fixtures/index.ts';
import { silentObserver } from '../observe/index.ts';
import { EventLoopUse } from './event-loop-use.ts';
import { gaugeReadings } from './gauge-readings.ts';
import { reportOf } from './report.ts';
import { scheduleReports } from './report-schedule.ts';
import { documentOf } from './testing/index.ts';

const load = { inFlight: 1, sessions: 2, streams: 3, eventLoop: 0.5 };

test('a report holds every server of the document that runs, with what was seen of it', () => {
  const a = new FakeUpstream(serverConfig('a'));
  a.listing = listing({ tools: [tool('x'), tool('y')] });
  a.state = { phase: 'Ready', reason: 'Ready', message: '2 tools', since: 0, restarts: 1, pid: 4711 };
  a.inFlight = 3;
  const problems = Array.from({ length: 60 }, (_, n): CatalogProblem => ({
    reason: 'NameCollision',
    serverKeys: [],
    name: `${n}`,
    message: 'm'.repeat(2_000),
  }));
  const hub = {
    graph: {
      catalog: { hash: 'catalog', counts: { tools: 2 }, problems },
      upstream: (key: string) => (key === 'default/a' ? a : undefined),
    },
  } as unknown as HubPort;
  const document = documentOf(1, { servers: [serverConfig('a'), serverConfig('b')] });
  const report = reportOf({ document, hub, load, observe: createServerObserver() });
  expect(report).toMatchObject({ type: 'report', load, catalogHash: 'catalog', tools: 2 });
  expect(report.problems).toHaveLength(50);
  expect(report.problems[0]?.message).toHaveLength(1_024);
  expect(Object.keys(report.servers)).toEqual(['default/a']);
  expect(report.servers['default/a']).toMatchObject({ inFlight: 3, waiting: 0, runtimeHash: 'hash-of-a' });
  expect(report.servers['default/a']?.observed).toMatchObject({ phase: 'Ready', restarts: 1, counts: { tools: 2 } });
  expect(report.servers['default/a']?.observed).not.toHaveProperty('pid');
});

test('before any document there is little to tell', () => {
  expect(reportOf({ document: undefined, hub: undefined, load, observe: createServerObserver() })).toEqual({
    type: 'report',
    load,
    catalogHash: '',
    tools: 0,
    problems: [],
    servers: {},
  });
});

test('a burst of changes is one report, within 200 ms; without any there is one every 10 s', async () => {
  const clock = createTestClock();
  let sent = 0;
  const schedule = scheduleReports(clock, () => sent++);
  schedule.poke();
  await clock.advance(100);
  schedule.poke();
  await clock.advance(99);
  expect(sent).toBe(1);
  await clock.advance(9_700);
  expect(sent).toBe(1);
  schedule.poke();
  await clock.advance(101);
  // The regular one leaves it to the one that is under way.
  expect(sent).toBe(1);
  await clock.advance(100);
  expect(sent).toBe(2);
  await clock.advance(10_000);
  expect(sent).toBe(3);
  schedule.poke();
  schedule.close();
  expect(clock.pending).toBe(0);
});

test('gauges are summed over their labels, and leave with whoever registered them', () => {
  const readings = gaugeReadings(silentObserver);
  expect(readings.read('sessions')).toBe(0);
  const two = (): number => 2;
  const undo = readings.observer.gauge('sessions', 'a', two);
  readings.observer.gauge('sessions', 'b', two);
  readings.observer.gauge('streams', 'a', () => 7);
  expect([readings.read('sessions'), readings.read('streams')]).toEqual([4, 7]);
  undo();
  expect(readings.read('sessions')).toBe(2);
});

test('the use of the event loop is a share', () => {
  const use = new EventLoopUse();
  for (const value of [use.read(), use.read()]) {
    expect(value).toBeGreaterThanOrEqual(0);
    expect(value).toBeLessThanOrEqual(1);
  }
});
