import { describe, expect, test } from 'vitest';

import { configMaps, useFakeApi, widget, widgets } from '../testing/index.ts';
import { createKubeClient, KubeError } from './index.ts';
import { createDiscovery } from './discovery.ts';
import { failure } from './transport.fixture.ts';

const stage = useFakeApi([widgets, configMaps]);

describe('client', () => {
  test('the guard runs before a write, never before a read, and again when the bytes leave', async () => {
    stage.api.put(widgets, widget('a'));
    let allowed = 0;
    const guard = (): void => {
      if (allowed-- <= 0) throw new KubeError('KUBE_FENCED', 'not the leader');
    };
    const client = createKubeClient(stage.transport, { guard });
    await client.get(widgets, 'default', 'a');
    expect(await failure(client.create(widgets, widget('b')))).toMatchObject({ code: 'KUBE_FENCED' });
    // Allowed when decided, no more when it would leave.
    allowed = 1;
    expect(await failure(client.create(widgets, widget('b')))).toMatchObject({ code: 'KUBE_FENCED' });
    expect(stage.api.writes).toHaveLength(0);
    allowed = 2;
    await client.create(widgets, widget('b'));
    expect(stage.api.writes).toHaveLength(1);
  });

  test('every verb', async () => {
    const client = createKubeClient(stage.transport, { urgent: true, timeoutMs: 1000 });
    const created = await client.create(widgets, widget('a'));
    expect(created.metadata.uid).toBeDefined();
    const merged = await client.merge(widgets, created, { spec: { size: 2 } }, { fieldManager: 'm' });
    expect(merged.spec).toEqual({ size: 2 });
    expect(await failure(client.replace(widgets, created))).toMatchObject({ status: 409 });
    await client.replace(widgets, { ...merged, spec: { size: 3 } });
    expect((await client.apply(widgets, widget('b'), { manager: 'm', dryRun: true })).created).toBe(true);
    expect(stage.api.requests.at(-1)?.query.get('dryRun')).toBe('All');
    expect((await client.list(widgets, { namespace: 'default', labelSelector: 'x=y', limit: 1 })).items).toHaveLength(
      1,
    );
    expect(await failure(client.delete(widgets, created, { uid: 'other' }))).toMatchObject({ status: 409 });
    const stale = { resourceVersion: '1', propagation: 'Foreground' } as const;
    expect(await failure(client.delete(widgets, created, stale))).toMatchObject({ status: 409 });
    await client.delete(widgets, created);
    expect(await failure(client.get(widgets, 'default', 'a'))).toMatchObject({ status: 404 });
  });
});

test('HT-4.09 discovery: kinds are looked up per group, remembered for a while, longer when they are there', async () => {
  stage.connect({ burst: 1000 });
  const discovery = createDiscovery(stage.transport, stage.clock);
  const absent = { ...widgets, plural: 'gadgets' };
  expect([
    await discovery.has(widgets),
    await discovery.has(configMaps),
    await discovery.has({ ...widgets, group: 'none' }),
  ]).toEqual([true, true, false]);
  expect(await discovery.has(widgets)).toBe(true);
  expect(stage.api.requests).toHaveLength(3);
  await stage.clock.advance(31_000);
  await discovery.has({ ...widgets, group: 'none' });
  await discovery.has(widgets);
  expect(stage.api.requests).toHaveLength(4);
  expect(await discovery.has(absent, { fresh: true })).toBe(false);
  stage.api.intercept = () => ({ status: 500 });
  await expect(discovery.has(widgets, { fresh: true })).rejects.toMatchObject({ status: 500 });
  stage.api.intercept = () => ({ status: 200, body: {} });
  for (let i = 0; i < 300; i++) await discovery.has({ ...widgets, group: `g${i}` });
});
