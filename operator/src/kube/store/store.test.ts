import { createTestClock } from 'quaymaster/base';
import { describe, expect, test } from 'vitest';

import type { KubeObject } from '../objects/index.ts';
import { widget, widgets } from '../testing/index.ts';
import { createStore, type StoreChange } from './object-store.ts';
import { metadataOnly, stripBookkeeping } from './transforms.ts';
import { createWriteTracker, writeId } from './write-tracker.ts';

const at = (name: string, version: string, uid = `u-${name}`, namespace = 'default'): KubeObject =>
  widget(name, { resourceVersion: version, uid, namespace });

describe('store', () => {
  test('replace within a namespace leaves the others alone, and tells removals before additions', () => {
    const store = createStore();
    store.replace([at('a', '1', 'ua', 'one'), at('b', '1', 'ub', 'one'), at('c', '1', 'uc', 'two')], '5', undefined);
    const told: string[] = [];
    store.subscribe((change) => told.push(`${change.type} ${change.key}`));
    told.length = 0;
    store.replace([at('x', '6', 'ux', 'one'), at('a', '1', 'ua', 'one')], '7', 'one');
    expect(told).toEqual(['removed one/b', 'added one/x']);
    expect([...store.keys()].toSorted()).toEqual(['one/a', 'one/x', 'two/c']);
    expect(store.lastSyncResourceVersion).toBe('7');
  });

  test('who subscribes late hears of everything that is there, as initial; who leaves hears nothing more', () => {
    const store = createStore();
    store.put(at('a', '1'), '1');
    const changes: StoreChange<KubeObject>[] = [];
    const leave = store.subscribe((change) => changes.push(change));
    store.put(at('b', '2'), '2');
    leave();
    store.put(at('c', '3'), '3');
    expect(changes.map((change) => [change.key, change.type === 'added' && change.initial])).toEqual([
      ['default/a', true],
      ['default/b', false],
    ]);
  });

  test('resync tells everything again, as initial updates', () => {
    const store = createStore();
    store.put(at('a', '1'), '1');
    const changes: StoreChange<KubeObject>[] = [];
    store.subscribe((change) => changes.push(change));
    store.resync();
    expect(changes.at(-1)).toMatchObject({ type: 'updated', initial: true });
    store.seen('9');
    expect([store.lastSyncResourceVersion, store.size, [...store.values()].length]).toEqual(['9', 1, 1]);
  });

  test('indexes follow every change; an unknown index is a fault of the caller', () => {
    const store = createStore<KubeObject>({
      indexers: { label: (object) => Object.values(object.metadata.labels ?? {}) },
    });
    const labelled = (name: string, version: string, ...labels: string[]): KubeObject =>
      widget(name, {
        resourceVersion: version,
        uid: name,
        labels: Object.fromEntries(labels.map((label, i) => [`l${i}`, label])),
      });
    store.put(labelled('a', '1', 'x', 'y'), '1');
    store.put(labelled('b', '2', 'x'), '2');
    const found = (value: string): string[] => store.byIndex('label', value).map((object) => object.metadata.name);
    expect([found('x'), found('y'), found('z')]).toEqual([['a', 'b'], ['a'], []]);
    store.put(labelled('a', '3', 'z'), '3');
    expect([found('x'), found('y'), found('z')]).toEqual([['b'], [], ['a']]);
    store.remove(labelled('b', '4', 'x'), '4');
    store.remove(labelled('ghost', '4'), '5');
    expect(found('x')).toEqual([]);
    expect(() => store.byIndex('nope', 'x')).toThrow('no index "nope"');
  });

  test('a value of an index holds one object, then several, then one, then none', () => {
    const store = createStore({ indexers: { label: (object) => Object.values(object.metadata.labels ?? {}) } });
    const labelled = (name: string, version: string) =>
      widget(name, { resourceVersion: version, labels: { a: 'x', b: 'x' } });
    const found = (): readonly string[] => store.byIndex('label', 'x').map(({ metadata }) => metadata.name);
    for (const name of ['one', 'two', 'three']) store.put(labelled(name, '1'), '1');
    expect(found()).toEqual(['one', 'two', 'three']);
    store.put(labelled('one', '2'), '2');
    expect(found().toSorted()).toEqual(['one', 'three', 'two']);
    store.remove(labelled('two', '1'), '3');
    store.remove(labelled('one', '2'), '4');
    expect(found()).toEqual(['three']);
    store.put(labelled('three', '5'), '5');
    expect(found()).toEqual(['three']);
    store.remove(labelled('three', '5'), '6');
    expect(found()).toEqual([]);
    store.put(labelled('one', '7'), '7');
    expect(found()).toEqual(['one']);
  });

  test('a transform or indexer that stumbles keeps the object and reports it', () => {
    const errors: string[] = [];
    const fail = (): never => {
      throw new Error('odd object');
    };
    const store = createStore<KubeObject>({
      transform: fail,
      indexers: { i: fail },
      onHandlerError: (_error, key) => errors.push(key),
    });
    store.put(at('a', '1'), '1');
    expect(store.get('default/a')?.metadata.name).toBe('a');
    expect(errors).toEqual(['default/a', 'default/a']);
  });

  test('is bounded: the newest is refused and told', () => {
    const refused: string[] = [];
    const store = createStore({ maxObjects: 2, onOverflow: (key) => refused.push(key) });
    for (const name of ['a', 'b', 'c']) store.put(at(name, '1'), '1');
    store.put(at('b', '2'), '2');
    expect([store.size, refused]).toEqual([2, ['default/c']]);
  });
});

test('managedFields and the last-applied annotation are dropped at ingest, other annotations stay', () => {
  const stripped = stripBookkeeping(
    widget('a', {
      managedFields: [{}],
      annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}', keep: 'me' },
    }),
  );
  expect(stripped.metadata).toEqual({ name: 'a', namespace: 'default', annotations: { keep: 'me' } });
  expect(metadataOnly(widget('a'))).toEqual({
    apiVersion: 'test.example/v1',
    kind: 'Widget',
    metadata: { name: 'a', namespace: 'default' },
  });
});

describe('read your own writes', () => {
  const clock = createTestClock();
  const make = (maxRecords = 10) => createWriteTracker({ clock, maxRecords, lifetimeMs: 30_000 });

  test('a cache older than our write is stale, until it has caught up', () => {
    const tracker = make();
    tracker.wrote('x', at('a', '99'));
    expect(tracker.isStale('x', at('a', '98'))).toBe(true);
    expect(tracker.isStale('x', undefined)).toBe(true);
    expect(tracker.isStale('x', at('a', '100'))).toBe(false);
    expect(tracker.size).toBe(0);
    expect(tracker.isStale('x', at('a', '98'))).toBe(false);
  });

  test('versions are compared as numbers, not as texts', () => {
    const tracker = make();
    tracker.wrote('x', at('a', '1000'));
    expect(tracker.isStale('x', at('a', '999'))).toBe(true);
    expect(tracker.isStale('x', at('a', '1000'))).toBe(false);
  });

  test('no record, an unreadable version or a forgotten object: never stale', () => {
    const tracker = make();
    expect(tracker.isStale('x', undefined)).toBe(false);
    tracker.wrote('x', at('a', 'opaque'));
    tracker.wrote('y', { metadata: { name: 'y' } });
    expect(tracker.size).toBe(0);
    tracker.wrote('x', at('a', '5'));
    expect(tracker.isStale('x', at('a', 'opaque'))).toBe(false);
    tracker.wrote('x', at('a', '5'));
    tracker.forget('x');
    expect(tracker.isStale('x', at('a', '1'))).toBe(false);
  });

  test('a followed cache ends the record at the moment it has seen the write, also when the object is gone again', () => {
    const tracker = make();
    const store = createStore();
    const leave = tracker.follow(widgets, store);
    const id = writeId(widgets, 'default/a');
    tracker.wrote(id, at('a', '50'));
    store.put(at('a', '40'), '40');
    expect(tracker.isStale(id, store.get('default/a'))).toBe(true);
    store.put(at('a', '50'), '50');
    expect(tracker.size).toBe(0);
    tracker.wrote(id, at('a', '60'));
    store.remove(at('a', '61'), '61');
    expect(tracker.isStale(id, undefined)).toBe(false);
    leave();
    tracker.wrote(id, at('a', '70'));
    store.put(at('a', '71'), '71');
    expect(tracker.size).toBe(1);
  });

  test('a record dies after a while: after an etcd restore versions jump back', async () => {
    const tracker = make();
    tracker.wrote('x', at('a', '5000'));
    expect(tracker.isStale('x', at('a', '50'))).toBe(true);
    await clock.advance(30_000);
    expect(tracker.isStale('x', at('a', '50'))).toBe(false);
  });

  test('is bounded, the oldest go first', () => {
    const tracker = make(2);
    for (const id of ['a', 'b', 'c']) tracker.wrote(id, at(id, '9'));
    expect(tracker.size).toBe(2);
    expect(tracker.isStale('a', at('a', '1'))).toBe(false);
    expect(tracker.isStale('c', at('c', '1'))).toBe(true);
  });
});
