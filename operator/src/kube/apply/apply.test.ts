import { describe, expect, test } from 'vitest';

import type { KubeObject } from '../objects/index.ts';
import { widget, widgets } from '../testing/index.ts';
import { renderHash } from './applier.ts';
import { hashAnnotation, useApplier } from './apply.fixture.ts';

const stage = useApplier();

const apply = (wanted: KubeObject, over: { live?: KubeObject | undefined; recreate?: boolean } = {}) =>
  stage.applier.apply({
    resource: widgets,
    wanted,
    live: 'live' in over ? over.live : stage.live(),
    ...(over.recreate === undefined ? {} : { recreate: over.recreate }),
  });

describe('apply', () => {
  test('creates with force and our manager, carries the hash, and then writes nothing more', async () => {
    const first = await apply(widget('a'));
    expect(first.action).toBe('created');
    expect(stage.api.writes[0]?.query.get('fieldManager')).toBe('test-operator');
    expect(stage.api.writes[0]?.query.get('force')).toBe('true');
    expect(stage.api.writes[0]?.headers['content-type']).toBe('application/apply-patch+yaml');
    expect(stage.live()?.metadata.annotations).toEqual({ [hashAnnotation]: renderHash(widget('a')) });
    for (let i = 0; i < 5; i++) expect((await apply(widget('a'))).action).toBe('unchanged');
    expect(stage.api.writes).toHaveLength(1);
  });

  test('a changed wish is applied; a field we gave up is noticed by the hash alone', async () => {
    await apply(widget('a', {}, { spec: { size: 1, extra: true } }));
    const updated = await apply(widget('a', {}, { spec: { size: 1 } }));
    expect(updated.action).toBe('updated');
    expect(updated.differences.map((each) => each.path)).toEqual(['/metadata/annotations/test.example~1hash']);
  });

  test('drift by hand is seen although the hash still fits, and repaired', async () => {
    await apply(widget('a'));
    stage.api.put(widgets, { ...(stage.live() as KubeObject), spec: { size: 7 } });
    const repaired = await apply(widget('a'));
    expect(repaired).toMatchObject({ action: 'updated', differences: [{ path: '/spec/size', wanted: 1, live: 7 }] });
    expect(stage.live()?.spec).toEqual({ size: 1 });
  });

  test('what others add is left alone', async () => {
    await apply(widget('a'));
    const current = stage.live() as KubeObject;
    stage.api.put(widgets, {
      ...current,
      metadata: { ...current.metadata, labels: { argocd: 'x' } },
      spec: { size: 1, replicas: 4 },
    });
    expect((await apply(widget('a'))).action).toBe('unchanged');
  });

  test('a value that the server keeps in another form is tolerated after our own apply, and drift of it still seen', async () => {
    await apply(widget('a', {}, { spec: { text: 'Upper' } }));
    const normal = { ...(stage.live() as KubeObject), spec: { text: 'upper' } };
    stage.api.put(widgets, normal);
    stage.api.intercept = (request) => (request.method === 'PATCH' ? { status: 200, body: stage.live() } : undefined);
    expect((await apply(widget('a', {}, { spec: { text: 'Upper' } }))).action).toBe('confirmed');
    const writes = stage.api.writes.length;
    expect((await apply(widget('a', {}, { spec: { text: 'Upper' } }))).action).toBe('unchanged');
    expect(stage.api.writes).toHaveLength(writes);
    stage.api.put(widgets, { ...(stage.live() as KubeObject), spec: { text: 'other' } });
    expect((await apply(widget('a', {}, { spec: { text: 'Upper' } }))).differences).toHaveLength(1);
    // The memory is bounded and can be dropped.
    stage.applier.forget(widgets, 'default/a');
    for (const name of ['b', 'c', 'd']) await apply(widget(name, {}, { spec: { text: 'X' } }), { live: undefined });
  });

  test('a child that is gone is made again: apply creates', async () => {
    await apply(widget('a'));
    const cached = stage.live();
    stage.api.remove(widgets, 'default/a');
    stage.api.put(widgets, { ...(cached as KubeObject), spec: { size: 3 } });
    stage.api.remove(widgets, 'default/a');
    expect((await apply(widget('a', {}, { spec: { size: 2 } }), { live: cached })).action).toBe('created');
  });

  test('does nothing while the cache lags behind our own write', async () => {
    await apply(widget('a'));
    const before = stage.live();
    await apply(widget('a', {}, { spec: { size: 2 } }));
    expect((await apply(widget('a', {}, { spec: { size: 3 } }), { live: before })).action).toBe('stale');
    expect(stage.api.writes).toHaveLength(2);
    expect((await apply(widget('b'), { live: undefined })).action).toBe('created');
    expect((await apply(widget('b'), { live: undefined })).action).toBe('stale');
  });

  test('leaves an object alone that is being deleted', async () => {
    const dying = stage.api.put(widgets, widget('a', { deletionTimestamp: '2026-01-01T00:00:00Z' }));
    expect((await apply(widget('a', {}, { spec: { size: 5 } }), { live: dying })).action).toBe('terminating');
    expect(stage.api.writes).toHaveLength(0);
  });

  const immutable = {
    status: 422,
    body: {
      code: 422,
      reason: 'Invalid',
      message: 'invalid',
      details: {
        causes: [{ reason: 'FieldValueInvalid', message: 'Invalid value: field is immutable', field: 'spec.selector' }],
      },
    },
  };

  test('an immutable field is a typed error that names it', async () => {
    const existing = stage.api.put(widgets, widget('a', { labels: { old: 'yes' } }));
    stage.api.intercept = (request) => (request.method === 'PATCH' ? immutable : undefined);
    await expect(apply(widget('a', {}, { spec: { size: 2 } }), { live: existing })).rejects.toMatchObject({
      status: 422,
      reason: 'Immutable',
      message: expect.stringContaining('spec.selector') as string,
    });
  });

  test('where that is allowed it is deleted, by uid, and made anew', async () => {
    const existing = stage.api.put(widgets, widget('a'));
    let refused = false;
    stage.api.intercept = (request) => {
      if (request.method !== 'PATCH' || refused) return undefined;
      refused = true;
      return immutable;
    };
    const result = await apply(widget('a', {}, { spec: { size: 2 } }), { live: existing, recreate: true });
    expect(result.action).toBe('recreated');
    expect(stage.api.writes.map((request) => request.method)).toEqual(['PATCH', 'DELETE', 'PATCH']);
    expect(stage.api.writes[1]?.body).toMatchObject({ preconditions: { uid: existing.metadata.uid } });
    expect(stage.live()?.metadata.uid).not.toBe(existing.metadata.uid);
  });

  test('a finalizer that holds the old one back makes it wait', async () => {
    const existing = stage.api.put(widgets, widget('a'));
    stage.api.intercept = (request) =>
      request.method === 'PATCH' ? immutable : request.method === 'DELETE' ? { status: 200, body: {} } : undefined;
    expect((await apply(widget('a', {}, { spec: { size: 2 } }), { live: existing, recreate: true })).action).toBe(
      'terminating',
    );
  });

  test('other refusals come through', async () => {
    stage.api.intercept = () => ({ status: 403, body: { code: 403, reason: 'Forbidden', message: 'quota' } });
    await expect(apply(widget('a'))).rejects.toMatchObject({ status: 403 });
    const existing = widget('a', { uid: 'x' });
    let first = true;
    stage.api.intercept = (request) =>
      request.method === 'DELETE' ? undefined : first ? ((first = false), immutable) : { status: 500 };
    await expect(
      apply(widget('a', {}, { spec: { size: 2 } }), { live: existing, recreate: true }),
    ).rejects.toMatchObject({ status: 500 });
    stage.api.intercept = (request) => (request.method === 'DELETE' ? { status: 500 } : immutable);
    await expect(
      apply(widget('a', {}, { spec: { size: 2 } }), { live: existing, recreate: true }),
    ).rejects.toMatchObject({ status: 500 });
  });
});
