import { describe, expect, test } from 'vitest';

import type { KubeObject } from '../objects/index.ts';
import { configMaps, widget, widgets } from '../testing/index.ts';
import { applySet } from './apply-set.ts';
import { type InventoryEntry, maxInventory, orphans, prune } from './inventory.ts';
import { useApplier } from './apply.fixture.ts';

const stage = useApplier();

describe('inventory', () => {
  const entry = (name: string, uid: string, kind = 'Widget'): InventoryEntry => ({
    apiVersion: 'test.example/v1',
    kind,
    namespace: 'default',
    name,
    uid,
  });

  test('deletes what is wanted no more, by uid; strangers of the same name stay; unknown kinds stay on record', async () => {
    const kept = stage.api.put(widgets, widget('kept'));
    const old = stage.api.put(widgets, widget('old'));
    stage.api.put(widgets, widget('stranger'));
    const result = await prune(stage.client, {
      previous: [
        entry('kept', 'was'),
        entry('old', old.metadata.uid ?? ''),
        entry('stranger', 'not-this'),
        entry('gone', 'x'),
        entry('odd', 'y', 'Odd'),
        entry('precious', 'z'),
      ],
      applied: [kept],
      resources: [widgets],
      keep: (each) => each.name === 'precious',
    });
    expect(stage.api.get(widgets, 'default/old')).toBeUndefined();
    expect(stage.api.get(widgets, 'default/stranger')).toBeDefined();
    expect(result.inventory.map((each) => each.name)).toEqual(['kept', 'odd']);
    expect(result.unknown).toHaveLength(1);
    expect(result.deleted.map((each) => each.name)).toEqual(['old', 'stranger', 'gone']);
    expect(stage.api.writes.every((request) => request.method === 'DELETE')).toBe(true);
  });

  test('is bounded', async () => {
    const applied = Array.from({ length: maxInventory + 1 }, (_, i) => widget(`w${i}`));
    await expect(prune(stage.client, { previous: [], applied, resources: [] })).rejects.toThrow('inventory of 1001');
    await expect(
      applySet(stage.applier, stage.client, {
        wanted: applied.map((object) => ({ resource: widgets, object, live: undefined })),
        previous: [],
        resources: [],
      }),
    ).rejects.toThrow('limit 1000');
  });

  test('orphans carry our mark and a dead owner', () => {
    const of = (name: string, owner?: string, over = {}) =>
      widget(name, { ...(owner === undefined ? {} : { labels: { owner } }), ...over });
    const found = orphans(
      [of('a', 'dead'), of('b', 'alive'), of('c'), of('d', 'dead', { deletionTimestamp: 'now' })],
      'owner',
      (uid) => uid === 'alive',
    );
    expect(found.map((object) => object.metadata.name)).toEqual(['a']);
  });
});

describe('apply set', () => {
  const configMap: KubeObject = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'conf', namespace: 'default' },
  };
  const set = (names: readonly string[], previous: readonly InventoryEntry[] = []) =>
    applySet(stage.applier, stage.client, {
      wanted: [
        ...names.map((name) => ({ resource: widgets, object: widget(name), live: stage.live(name) })),
        { resource: configMaps, object: configMap, live: stage.api.get(configMaps, 'default/conf') },
      ],
      previous,
      resources: [widgets, configMaps],
    });

  test('configuration first; nothing to do the second time; what is wanted no more goes', async () => {
    const first = await set(['a', 'b']);
    expect(stage.api.writes.map((request) => request.path.split('/').at(-1))).toEqual(['conf', 'a', 'b']);
    expect([first.writes, first.unsettled, first.failed]).toEqual([3, false, []]);
    const second = await set(['a', 'b'], first.inventory);
    expect([second.writes, second.inventory]).toEqual([0, first.inventory]);
    const third = await set(['a'], second.inventory);
    expect(third.deleted.map((each) => each.name)).toEqual(['b']);
    expect(third.writes).toBe(1);
    expect(stage.api.get(widgets, 'default/b')).toBeUndefined();
  });

  test('one that fails does not stop the others, and nothing is pruned before all are in place', async () => {
    const first = await set(['a', 'old']);
    stage.api.intercept = (request) =>
      request.path.endsWith('/bad') ? { status: 422, body: { code: 422, message: 'no' } } : undefined;
    const second = await set(['bad', 'c'], first.inventory);
    expect(second.failed.map((each) => each.wanted.object.metadata.name)).toEqual(['bad']);
    expect(stage.live('c')).toBeDefined();
    expect(stage.live('old')).toBeDefined();
    expect(second.inventory.map((each) => each.name).toSorted()).toEqual(['a', 'c', 'conf', 'old']);
  });

  test('waits while something is stale or being deleted', async () => {
    stage.api.put(widgets, widget('a', { deletionTimestamp: '2026-01-01T00:00:00Z' }));
    expect((await set(['a'])).unsettled).toBe(true);
  });
});
