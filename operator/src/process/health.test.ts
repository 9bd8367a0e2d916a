import { createTestClock } from 'quaymaster/base';
import { afterEach, describe, expect, test } from 'vitest';

import { controlMetricTable } from '../control/index.ts';
import { metricTable } from '../kube/index.ts';
import {
  createHeartbeat,
  type HealthListener,
  type HealthSources,
  mostBlockedMs,
  startHealthListener,
} from './health.ts';
import { createMetrics } from './metrics.ts';
import { operatorMetricTable } from './operator-metrics.ts';
import { ownMetricTable, registerOwnMetrics } from './own-metrics.ts';

let listener: HealthListener | undefined;
afterEach(async () => {
  await listener?.close();
  listener = undefined;
});

async function ask(sources: Partial<HealthSources>, path: string, method = 'GET') {
  listener = await startHealthListener(
    { host: '127.0.0.1', port: 0 },
    { live: () => [], ready: () => [], metrics: { contentType: 'text/plain', text: async () => 'x 1\n' }, ...sources },
  );
  const answer = await fetch(`http://127.0.0.1:${listener.port}${path}`, { method });
  return [answer.status, await answer.text()] as const;
}

describe('EF-56 probes', () => {
  test('say yes, or no with the reasons', async () => {
    expect(await ask({}, '/livez?verbose')).toEqual([200, '{"ok":true,"problems":[]}\n']);
    await listener?.close();
    expect(await ask({ ready: () => ['waiting for pods'] }, '/readyz')).toEqual([
      503,
      '{"ok":false,"problems":["waiting for pods"]}\n',
    ]);
  });

  test('tell no secret', async () => {
    const [, text] = await ask({ ready: () => ['401 for Bearer abcdefghijklmnopqrstuvwxyz0123456789'] }, '/readyz');
    expect(text).not.toContain('abcdefghij');
  });

  test('metrics as text; a fault in one is an answer, not an end', async () => {
    expect(await ask({}, '/metrics')).toEqual([200, 'x 1\n']);
    await listener?.close();
    const broken = { contentType: 'text/plain', text: () => Promise.reject(new Error('fault')) };
    expect((await ask({ metrics: broken }, '/metrics'))[0]).toBe(500);
  });

  test('nothing else is here', async () => {
    expect((await ask({}, '/'))[0]).toBe(404);
    await listener?.close();
    expect((await ask({}, '/livez', 'POST'))[0]).toBe(405);
  });

  test('a port that is taken is named', async () => {
    await ask({}, '/livez');
    const port = listener?.port ?? 0;
    const sources = { live: () => [], ready: () => [], metrics: { contentType: '', text: async () => '' } };
    await expect(startHealthListener({ host: '127.0.0.1', port }, sources)).rejects.toThrow(String(port));
  });
});

describe('the heartbeat', () => {
  test('sums up what the loop stood still within a minute', async () => {
    const inner = createTestClock();
    let stalled = 0;
    const clock = { ...inner, monotonic: () => inner.monotonic() + stalled };
    const heartbeat = createHeartbeat(clock);
    await inner.advance(10_000);
    expect(heartbeat.blockedMs()).toBe(0);
    // No beat comes while time goes on.
    stalled = mostBlockedMs + 250;
    expect(heartbeat.blockedMs()).toBeGreaterThanOrEqual(mostBlockedMs);
    await inner.advance(250);
    expect(heartbeat.blockedMs()).toBeGreaterThanOrEqual(mostBlockedMs);
    await inner.advance(61_000);
    expect(heartbeat.blockedMs()).toBe(0);
    heartbeat.stop();
    expect(inner.pending).toBe(0);
  });
});

describe('metrics', () => {
  const table = {
    a_total: { type: 'counter', help: 'a', labels: ['x'] },
    b: { type: 'gauge', help: 'b', labels: [] },
    c_seconds: { type: 'histogram', help: 'c', labels: [], buckets: [1, 2] },
    d_seconds: { type: 'histogram', help: 'd', labels: [] },
  } as const;

  test('every row is one metric; what is in no table is a fault', async () => {
    const metrics = createMetrics(table);
    metrics.count('a_total', { x: '1' });
    metrics.count('a_total', { x: '1' }, 2);
    metrics.observe('c_seconds', {}, 1.5);
    metrics.beforeRead(() => metrics.gauge('b', {}, 7));
    const text = await metrics.text();
    for (const line of ['a_total{x="1"} 3', 'b 7', 'c_seconds_bucket{le="2"} 1', '# HELP d_seconds d'])
      expect(text).toContain(line);
    expect(() => metrics.count('b', {})).toThrow('no metric "b" of this type');
    expect(() => metrics.gauge('unknown', {}, 1)).toThrow('unknown');
  });

  test('no two rooms give a metric the same name', () => {
    const names = [metricTable, controlMetricTable, ownMetricTable].flatMap((table) => Object.keys(table));
    expect(Object.keys(operatorMetricTable).toSorted()).toEqual(names.toSorted());
  });

  test('the operator counts its objects by how they are', async () => {
    const metrics = createMetrics(ownMetricTable);
    const object = (status: string) => ({
      status: {
        conditions: [
          { type: 'Accepted', status: 'True' },
          { type: 'Ready', status },
        ],
      },
    });
    let dropped = 3;
    const stop = registerOwnMetrics(metrics, {
      clock: createTestClock(),
      version: '1.2.3',
      droppedLines: () => dropped,
      objects: {
        McpHub: () => [object('True'), object('True'), object('False'), {}, { status: { conditions: 'odd' } }],
      },
    });
    const first = await metrics.text();
    for (const line of [
      'quaymaster_operator_objects{kind="McpHub",ready="True"} 2',
      'quaymaster_operator_objects{kind="McpHub",ready="False"} 1',
      'quaymaster_operator_objects{kind="McpHub",ready="Unknown"} 2',
      'quaymaster_operator_log_lines_dropped_total 3',
      `quaymaster_operator_build_info{version="1.2.3",node="${process.versions.node}"} 1`,
    ]) {
      expect(first).toContain(line);
    }
    dropped = 5;
    expect(await metrics.text()).toContain('quaymaster_operator_log_lines_dropped_total 5');
    expect(first).toMatch(/process_resident_memory_bytes \d{7}/);
    stop();
  });
});
