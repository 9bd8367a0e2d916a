import { beforeEach, describe, expect, test } from 'vitest';

import { createFinalizerTools } from '../finalizers/index.ts';
import { createWriteTracker } from '../store/index.ts';
import { useFakeApi, widget, widgets } from '../testing/index.ts';
import { createKubeClient, type KubeClient } from '../transport/index.ts';
import { createStatusWriter } from './status-writer.ts';

const stage = useFakeApi([widgets]);
let client: KubeClient;

beforeEach(() => {
  client = createKubeClient(stage.transport);
});

describe('status', () => {
  const writer = (foreign?: readonly string[]) =>
    createStatusWriter({
      client,
      manager: 'op-status',
      tracker: createWriteTracker({ clock: stage.clock }),
      ...(foreign === undefined ? {} : { foreign }),
    });

  test('applied to the subresource under a manager of its own; equal status writes nothing', async () => {
    const live = stage.api.put(widgets, widget('a'));
    const status = { observedGeneration: 1, conditions: [{ type: 'Ready', status: 'True' }] };
    const written = await writer().write(widgets, live, status);
    expect(written.action).toBe('written');
    expect(stage.api.writes[0]?.path).toBe('/apis/test.example/v1/namespaces/default/widgets/a/status');
    expect(stage.api.writes[0]?.query.get('fieldManager')).toBe('op-status');
    expect(stage.api.writes[0]?.body).toEqual({
      apiVersion: 'test.example/v1',
      kind: 'Widget',
      metadata: { name: 'a', namespace: 'default' },
      status,
    });
    expect(
      (await writer().write(widgets, written.object, { conditions: status.conditions, observedGeneration: 1 })).action,
    ).toBe('unchanged');
    expect(stage.api.writes).toHaveLength(1);
  });

  test('a field that we stop writing makes it differ', async () => {
    const live = stage.api.put(widgets, widget('a', {}, { status: { a: 1, b: 2 } }));
    expect((await writer().write(widgets, live, { a: 1 })).action).toBe('written');
  });

  test('fields of others are neither compared nor written', async () => {
    const live = stage.api.put(widgets, widget('a', {}, { status: { a: 1, other: 9 } }));
    expect((await writer(['other']).write(widgets, live, { a: 1 })).action).toBe('unchanged');
    await writer(['other']).write(widgets, live, { a: 2, other: 1 });
    expect(stage.api.writes[0]?.body).toHaveProperty('status', { a: 2 });
    expect((await writer(['x']).write(widgets, { ...live, status: undefined }, undefined)).action).toBe('written');
  });

  test('waits while the cache has not seen our last status', async () => {
    const live = stage.api.put(widgets, widget('a'));
    const own = writer();
    await own.write(widgets, live, { a: 1 });
    expect((await own.write(widgets, live, { a: 2 })).action).toBe('stale');
    expect(stage.api.writes).toHaveLength(1);
  });

  test('an object that is gone is told as such', async () => {
    const live = stage.api.put(widgets, widget('a'));
    stage.api.remove(widgets, 'default/a');
    await expect(writer().write(widgets, live, { a: 1 })).rejects.toMatchObject({ status: 404 });
  });
});

describe('finalizers', () => {
  const tools = () => createFinalizerTools(client, 'test.example/clean', 'op-finalizers');

  test('added once, beside those of others, under the version that was read', async () => {
    const live = stage.api.put(widgets, widget('a', { finalizers: ['other'] }));
    const held = await tools().ensure(widgets, live);
    expect(held.metadata.finalizers).toEqual(['other', 'test.example/clean']);
    expect(await tools().ensure(widgets, held)).toBe(held);
    expect(stage.api.writes).toHaveLength(1);
    expect(stage.api.writes[0]?.query.get('fieldManager')).toBe('op-finalizers');
    await expect(tools().ensure(widgets, live)).rejects.toMatchObject({ status: 409 });
  });

  test('never added to what is being deleted', async () => {
    const dying = widget('a', { deletionTimestamp: 'now' });
    expect(await tools().ensure(widgets, dying)).toBe(dying);
    expect(stage.api.writes).toHaveLength(0);
  });

  test('taken away; gone already is fine; other failures come through', async () => {
    const live = stage.api.put(widgets, widget('a', { finalizers: ['other', 'test.example/clean'] }));
    const freed = await tools().remove(widgets, live);
    expect(freed?.metadata.finalizers).toEqual(['other']);
    expect(await tools().remove(widgets, freed ?? live)).toBe(freed);
    await expect(tools().remove(widgets, live)).rejects.toMatchObject({ status: 409 });
    stage.api.remove(widgets, 'default/a');
    expect(await tools().remove(widgets, live)).toBeUndefined();
    expect(tools().has(widget('x'))).toBe(false);
  });
});
