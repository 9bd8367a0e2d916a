import { silentLogger } from 'quaymaster/base';
import { beforeEach, describe, expect, test } from 'vitest';

import type { KubeObject } from '../objects/index.ts';
import { useFakeApi, widget } from '../testing/index.ts';
import { createKubeClient } from '../transport/index.ts';
import { changedConditions } from './changed-conditions.ts';
import {
  createEventRecorder,
  type EventInput,
  type EventRecorder,
  type EventRecorderOptions,
  eventResource,
} from './event-recorder.ts';

const stage = useFakeApi([eventResource]);
let ids: number;

beforeEach(() => {
  ids = 0;
});

function make(over: Partial<EventRecorderOptions> = {}): EventRecorder {
  return createEventRecorder({
    client: createKubeClient(stage.transport),
    clock: stage.clock,
    logger: silentLogger,
    metrics: stage.metrics,
    controller: 'test.example/operator',
    instance: 'op-1',
    newId: () => String(++ids),
    ...over,
  });
}

const event = (over: Partial<EventInput> = {}): EventInput => ({
  regarding: widget('a', { uid: 'ua', resourceVersion: '7' }),
  type: 'Normal',
  reason: 'Programmed',
  action: 'Rollout',
  note: 'all hubs run generation 3',
  ...over,
});
const stored = (name: string): KubeObject & Record<string, unknown> => stage.api.get(eventResource, name) as never;

describe('events', () => {
  test('a transition is one event with everything kubectl describe shows', async () => {
    const recorder = make();
    recorder.record(event({ related: widget('b', { uid: 'ub' }) }));
    await recorder.flush();
    expect(stored('default/a.1')).toMatchObject({
      apiVersion: 'events.k8s.io/v1',
      type: 'Normal',
      reason: 'Programmed',
      action: 'Rollout',
      note: 'all hubs run generation 3',
      reportingController: 'test.example/operator',
      reportingInstance: 'op-1',
      regarding: {
        apiVersion: 'test.example/v1',
        kind: 'Widget',
        name: 'a',
        namespace: 'default',
        uid: 'ua',
        resourceVersion: '7',
      },
      related: { name: 'b' },
      eventTime: '2026-01-01T00:00:00.000000Z',
    });
  });

  test('a repetition becomes a series of the same event; after six minutes of peace a new one begins', async () => {
    const recorder = make();
    for (let i = 0; i < 3; i++) {
      recorder.record(event());
      await recorder.flush();
      await stage.clock.advance(1000);
    }
    expect(stored('default/a.1')['series']).toEqual({ count: 3, lastObservedTime: '2026-01-01T00:00:02.000000Z' });
    expect(stage.api.writes.map((request) => request.method)).toEqual(['POST', 'PATCH', 'PATCH']);
    await stage.clock.advance(6 * 60_000);
    recorder.record(event());
    await recorder.flush();
    expect(stage.api.writes.at(-1)?.method).toBe('POST');
  });

  test('repetitions while one waits are gathered into it', async () => {
    const recorder = make();
    for (let i = 0; i < 10; i++) recorder.record(event());
    expect(recorder.pending).toBeLessThanOrEqual(2);
    await recorder.flush();
    expect(stage.api.writes.length).toBeLessThanOrEqual(3);
    expect(stored('default/a.1')['series']).toMatchObject({ count: 10 });
  });

  test('a series whose event has expired starts again', async () => {
    const recorder = make();
    recorder.record(event());
    await recorder.flush();
    stage.api.remove(eventResource, 'default/a.1');
    recorder.record(event());
    await recorder.flush();
    expect(stored('default/a.1')).toBeDefined();
    stage.api.remove(eventResource, 'default/a.1');
    stage.api.intercept = () => ({ status: 404 });
    recorder.record(event());
    await recorder.flush();
    expect(stage.metrics.sum('quaymaster_events_dropped_total', { reason: 'refused' })).toBe(1);
  });

  test('25 per object at once, then one in five minutes; other objects are not hurt', async () => {
    const recorder = make();
    for (let i = 0; i < 30; i++) recorder.record(event({ note: `n${i}` }));
    recorder.record(event({ regarding: { apiVersion: 'v1', kind: 'Node', metadata: { name: 'cluster-scoped' } } }));
    await recorder.flush();
    expect(stage.api.writes).toHaveLength(26);
    expect(stage.metrics.sum('quaymaster_events_dropped_total', { reason: 'rate' })).toBe(5);
    expect(stored('default/cluster-scoped.26')).toBeDefined();
  });

  test('what does not fit waits nowhere: dropped and counted', async () => {
    const recorder = make({ maxPending: 2, maxSeries: 2, maxObjects: 2 });
    for (let i = 0; i < 9; i++) recorder.record(event({ regarding: widget(`w${i}`, { uid: `u${i}` }) }));
    // Four are being written.
    expect(recorder.pending).toBe(2);
    await recorder.flush();
    expect(stage.metrics.sum('quaymaster_events_dropped_total', { reason: 'full' })).toBe(3);
  });

  test('a refusal is no error of the caller', async () => {
    stage.api.intercept = () => ({ status: 403 });
    const recorder = make();
    recorder.record(event());
    await recorder.flush();
    expect(stage.metrics.sum('quaymaster_events_dropped_total', { reason: 'refused' })).toBe(1);
  });

  test('texts are cut to the bounds of the API, never inside a character', async () => {
    const recorder = make();
    recorder.record(event({ note: 'ü'.repeat(2000), reason: 'R'.repeat(300), action: 'A'.repeat(300) }));
    await recorder.flush();
    const { note, reason, action } = stored('default/a.1') as unknown as Record<'note' | 'reason' | 'action', string>;
    expect(Buffer.byteLength(note)).toBeLessThanOrEqual(1024);
    expect(note).toMatch(/^ü+\.\.\.$/);
    expect([reason.length, action.length]).toEqual([128, 128]);
  });
});

test('only a flip of status or reason is a transition, a changing message is none', () => {
  const before = [
    { type: 'Ready', status: 'True', reason: 'A', message: '1 of 3' },
    { type: 'Stalled', status: 'False', reason: 'B' },
  ];
  const after = [
    { type: 'Ready', status: 'True', reason: 'A', message: '2 of 3' },
    { type: 'Stalled', status: 'True', reason: 'B' },
    { type: 'New', status: 'True', reason: 'C' },
  ];
  expect(changedConditions(before, after).map((condition) => condition.type)).toEqual(['Stalled', 'New']);
  expect(changedConditions(undefined, after)).toHaveLength(3);
});
