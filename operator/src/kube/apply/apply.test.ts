import { createTestClock } from 'quaymaster/base';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import type { KubeObject } from '../objects/index.ts';
import { createWriteTracker, type WriteTracker } from '../store/index.ts';
import { configMaps, type FakeApi, startFakeApi, widget, widgets } from '../testing/index.ts';
import { createKubeClient, createTransport, type KubeClient, type Transport } from '../transport/index.ts';
import { type Applier, createApplier, renderHash } from './applier.ts';
import { applySet } from './apply-set.ts';
import { type InventoryEntry, maxInventory, orphans, prune } from './inventory.ts';
import { differences } from './subset.ts';

const hashAnnotation = 'test.example/hash';
let api: FakeApi;
let transport: Transport;
let client: KubeClient;
let tracker: WriteTracker;
let applier: Applier;

beforeEach(async () => {
  api = await startFakeApi([widgets, configMaps]);
  const clock = createTestClock();
  transport = createTransport({ endpoint: api.endpoint(), clock, userAgent: 'test' });
  client = createKubeClient(transport);
  tracker = createWriteTracker({ clock });
  applier = createApplier({ client, manager: 'test-operator', hashAnnotation, tracker, maxRemembered: 2 });
});

afterEach(async () => {
  await transport.close();
  await api[Symbol.asyncDispose]();
});

const live = (name = 'a'): KubeObject | undefined => {
  const found = api.get(widgets, `default/${name}`);
  return found === undefined ? undefined : structuredClone(found);
};
const apply = (wanted: KubeObject, over: { live?: KubeObject | undefined; recreate?: boolean } = {}) =>
  applier.apply({
    resource: widgets,
    wanted,
    live: 'live' in over ? over.live : live(),
    ...(over.recreate === undefined ? {} : { recreate: over.recreate }),
  });

describe('apply', () => {
  test('creates with force and our manager, carries the hash, and then writes nothing more', async () => {
    const first = await apply(widget('a'));
    expect(first.action).toBe('created');
    expect(api.writes[0]?.query.get('fieldManager')).toBe('test-operator');
    expect(api.writes[0]?.query.get('force')).toBe('true');
    expect(api.writes[0]?.headers['content-type']).toBe('application/apply-patch+yaml');
    expect(live()?.metadata.annotations).toEqual({ [hashAnnotation]: renderHash(widget('a')) });
    for (let i = 0; i < 5; i++) expect((await apply(widget('a'))).action).toBe('unchanged');
    expect(api.writes).toHaveLength(1);
  });

  test('a changed wish is applied; a field we gave up is noticed by the hash alone', async () => {
    await apply(widget('a', {}, { spec: { size: 1, extra: true } }));
    const updated = await apply(widget('a', {}, { spec: { size: 1 } }));
    expect(updated.action).toBe('updated');
    expect(updated.differences.map((each) => each.path)).toEqual(['/metadata/annotations/test.example~1hash']);
  });

  test('drift by hand is seen although the hash still fits, and repaired', async () => {
    await apply(widget('a'));
    api.put(widgets, { ...(live() as KubeObject), spec: { size: 7 } });
    const repaired = await apply(widget('a'));
    expect(repaired).toMatchObject({ action: 'updated', differences: [{ path: '/spec/size', wanted: 1, live: 7 }] });
    expect(live()?.spec).toEqual({ size: 1 });
  });

  test('what others add is left alone', async () => {
    await apply(widget('a'));
    const current = live() as KubeObject;
    api.put(widgets, {
      ...current,
      metadata: { ...current.metadata, labels: { argocd: 'x' } },
      spec: { size: 1, replicas: 4 },
    });
    expect((await apply(widget('a'))).action).toBe('unchanged');
  });

  test('a value that the server keeps in another form is tolerated after our own apply, and drift of it still seen', async () => {
    await apply(widget('a', {}, { spec: { text: 'Upper' } }));
    const normal = { ...(live() as KubeObject), spec: { text: 'upper' } };
    api.put(widgets, normal);
    api.intercept = (request) => (request.method === 'PATCH' ? { status: 200, body: live() } : undefined);
    expect((await apply(widget('a', {}, { spec: { text: 'Upper' } }))).action).toBe('confirmed');
    const writes = api.writes.length;
    expect((await apply(widget('a', {}, { spec: { text: 'Upper' } }))).action).toBe('unchanged');
    expect(api.writes).toHaveLength(writes);
    api.put(widgets, { ...(live() as KubeObject), spec: { text: 'other' } });
    expect((await apply(widget('a', {}, { spec: { text: 'Upper' } }))).differences).toHaveLength(1);
    // The memory is bounded and can be dropped.
    applier.forget(widgets, 'default/a');
    for (const name of ['b', 'c', 'd']) await apply(widget(name, {}, { spec: { text: 'X' } }), { live: undefined });
  });

  test('a child that is gone is made again: apply creates', async () => {
    await apply(widget('a'));
    const cached = live();
    api.remove(widgets, 'default/a');
    api.put(widgets, { ...(cached as KubeObject), spec: { size: 3 } });
    api.remove(widgets, 'default/a');
    expect((await apply(widget('a', {}, { spec: { size: 2 } }), { live: cached })).action).toBe('created');
  });

  test('does nothing while the cache lags behind our own write', async () => {
    await apply(widget('a'));
    const before = live();
    await apply(widget('a', {}, { spec: { size: 2 } }));
    expect((await apply(widget('a', {}, { spec: { size: 3 } }), { live: before })).action).toBe('stale');
    expect(api.writes).toHaveLength(2);
    expect((await apply(widget('b'), { live: undefined })).action).toBe('created');
    expect((await apply(widget('b'), { live: undefined })).action).toBe('stale');
  });

  test('leaves an object alone that is being deleted', async () => {
    const dying = api.put(widgets, widget('a', { deletionTimestamp: '2026-01-01T00:00:00Z' }));
    expect((await apply(widget('a', {}, { spec: { size: 5 } }), { live: dying })).action).toBe('terminating');
    expect(api.writes).toHaveLength(0);
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
    const existing = api.put(widgets, widget('a', { labels: { old: 'yes' } }));
    api.intercept = (request) => (request.method === 'PATCH' ? immutable : undefined);
    await expect(apply(widget('a', {}, { spec: { size: 2 } }), { live: existing })).rejects.toMatchObject({
      status: 422,
      reason: 'Immutable',
      message: expect.stringContaining('spec.selector') as string,
    });
  });

  test('where that is allowed it is deleted, by uid, and made anew', async () => {
    const existing = api.put(widgets, widget('a'));
    let refused = false;
    api.intercept = (request) => {
      if (request.method !== 'PATCH' || refused) return undefined;
      refused = true;
      return immutable;
    };
    const result = await apply(widget('a', {}, { spec: { size: 2 } }), { live: existing, recreate: true });
    expect(result.action).toBe('recreated');
    expect(api.writes.map((request) => request.method)).toEqual(['PATCH', 'DELETE', 'PATCH']);
    expect(api.writes[1]?.body).toMatchObject({ preconditions: { uid: existing.metadata.uid } });
    expect(live()?.metadata.uid).not.toBe(existing.metadata.uid);
  });

  test('a finalizer that holds the old one back makes it wait', async () => {
    const existing = api.put(widgets, widget('a'));
    api.intercept = (request) =>
      request.method === 'PATCH' ? immutable : request.method === 'DELETE' ? { status: 200, body: {} } : undefined;
    expect((await apply(widget('a', {}, { spec: { size: 2 } }), { live: existing, recreate: true })).action).toBe(
      'terminating',
    );
  });

  test('other refusals come through', async () => {
    api.intercept = () => ({ status: 403, body: { code: 403, reason: 'Forbidden', message: 'quota' } });
    await expect(apply(widget('a'))).rejects.toMatchObject({ status: 403 });
    const existing = widget('a', { uid: 'x' });
    let first = true;
    api.intercept = (request) =>
      request.method === 'DELETE' ? undefined : first ? ((first = false), immutable) : { status: 500 };
    await expect(
      apply(widget('a', {}, { spec: { size: 2 } }), { live: existing, recreate: true }),
    ).rejects.toMatchObject({ status: 500 });
    api.intercept = (request) => (request.method === 'DELETE' ? { status: 500 } : immutable);
    await expect(
      apply(widget('a', {}, { spec: { size: 2 } }), { live: existing, recreate: true }),
    ).rejects.toMatchObject({ status: 500 });
  });
});

describe('subset', () => {
  const paths = (wanted: unknown, have: unknown, kind = 'Deployment'): string[] =>
    differences(wanted, have, kind).map((each) => each.path);
  const container = (over: object) => ({ spec: { template: { spec: { containers: [{ name: 'main', ...over }] } } } });

  test('foreign members, items of keyed lists and defaulted fields do not count', () => {
    const have = {
      spec: {
        replicas: 3,
        template: {
          spec: {
            dnsPolicy: 'ClusterFirst',
            containers: [
              { name: 'sidecar' },
              {
                name: 'main',
                image: 'i',
                env: [
                  { name: 'X', value: '' },
                  { name: 'A', value: '1' },
                ],
                terminationMessagePath: '/dev',
              },
            ],
          },
        },
      },
    };
    expect(paths(container({ image: 'i', env: [{ name: 'A', value: '1' }] }), have)).toEqual([]);
  });

  test('a changed item of a keyed list is found under its key; a missing one too', () => {
    expect(paths(container({ image: 'b' }), container({ image: 'a' }))).toEqual([
      '/spec/template/spec/containers/"main"/image',
    ]);
    expect(paths(container({}), { spec: { template: { spec: { containers: [] } } } })).toEqual([
      '/spec/template/spec/containers/"main"',
    ]);
  });

  test('ports match by their keys with the default protocol', () => {
    expect(
      paths(
        container({ ports: [{ containerPort: 80 }] }),
        container({ ports: [{ containerPort: 80, protocol: 'TCP' }] }),
      ),
    ).toEqual([]);
    expect(
      paths(
        { spec: { ports: [{ port: 80 }] } },
        { spec: { ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }] } },
        'Service',
      ),
    ).toEqual([]);
    expect(
      paths(
        container({ ports: [{ containerPort: 80, protocol: 'UDP' }] }),
        container({ ports: [{ containerPort: 80, protocol: 'TCP' }] }),
      ),
    ).toHaveLength(1);
  });

  test('lists that are owned whole: one more item by hand is drift (a role that grew, a port that was opened)', () => {
    expect(paths({ rules: [{ verbs: ['get'] }] }, { rules: [{ verbs: ['get'] }, { verbs: ['*'] }] }, 'Role')).toEqual([
      '/rules',
    ]);
    expect(
      paths({ subjects: [{ name: 'a' }] }, { subjects: [{ name: 'a' }, { name: 'evil' }] }, 'RoleBinding'),
    ).toEqual(['/subjects']);
    expect(
      paths(
        { spec: { ingress: [{ ports: [{ port: 1 }] }] } },
        { spec: { ingress: [{ ports: [{ port: 1, protocol: 'TCP' }, { port: 2 }] }] } },
        'NetworkPolicy',
      ),
    ).toEqual(['/spec/ingress/0/ports']);
    expect(paths(container({ args: ['a', 'b'] }), container({ args: ['b', 'a'] }))).toHaveLength(2);
  });

  test('finalizers are a set, owner references are matched by uid', () => {
    expect(paths({ metadata: { finalizers: ['x'] } }, { metadata: { finalizers: ['y', 'x'] } })).toEqual([]);
    expect(paths({ metadata: { finalizers: ['z'] } }, { metadata: { finalizers: ['y'] } })).toEqual([
      '/metadata/finalizers',
    ]);
    expect(
      paths(
        { metadata: { ownerReferences: [{ uid: '1' }] } },
        { metadata: { ownerReferences: [{ uid: '2' }, { uid: '1' }] } },
      ),
    ).toEqual([]);
  });

  test.each([
    ['500m', '0.5', true],
    ['1Gi', '1024Mi', true],
    ['1', 1, true],
    ['1e3', '1k', true],
    ['100m', '0.2', false],
    ['1x', '1', false],
    [true, '1', false],
  ])('quantities %s and %s: equal %s', (a, b, equal) => {
    expect(
      paths(container({ resources: { limits: { cpu: a } } }), container({ resources: { limits: { cpu: b } } })),
    ).toHaveLength(equal ? 0 : 1);
  });

  test('elsewhere a text is a text', () => {
    expect(paths({ metadata: { labels: { size: '1Ki' } } }, { metadata: { labels: { size: '1024' } } })).toHaveLength(
      1,
    );
  });

  test('absent, null and empty are the same wish; an empty object allows what is there', () => {
    expect(paths({ a: undefined, b: null, c: {}, d: [] }, {})).toEqual([]);
    expect(paths({ c: {} }, { c: { x: 1 } })).toEqual([]);
    expect(paths({ b: null }, { b: 1 })).toEqual(['/b']);
    expect(paths({ d: [] }, { d: [1] })).toEqual(['/d']);
    expect(paths({ automount: false }, {})).toEqual(['/automount']);
    expect(paths({ a: { b: 1 } }, { a: 'text' })).toEqual(['/a']);
    expect(paths({ a: [1] }, { a: 'text' })).toEqual(['/a']);
  });

  test('lists of own kinds can be given keys, and the number of differences is bounded', () => {
    expect(
      differences({ spec: { hosts: [{ host: 'a' }] } }, { spec: { hosts: [{ host: 'b' }, { host: 'a' }] } }, 'X', {
        listKeys: { 'spec.hosts': ['host'] },
      }),
    ).toEqual([]);
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`k${i}`, i]));
    expect(differences(many, {}, 'X', { max: 5 })).toHaveLength(5);
  });
});

describe('inventory', () => {
  const entry = (name: string, uid: string, kind = 'Widget'): InventoryEntry => ({
    apiVersion: 'test.example/v1',
    kind,
    namespace: 'default',
    name,
    uid,
  });

  test('deletes what is wanted no more, by uid; strangers of the same name stay; unknown kinds stay on record', async () => {
    const kept = api.put(widgets, widget('kept'));
    const old = api.put(widgets, widget('old'));
    api.put(widgets, widget('stranger'));
    const result = await prune(client, {
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
    expect(api.get(widgets, 'default/old')).toBeUndefined();
    expect(api.get(widgets, 'default/stranger')).toBeDefined();
    expect(result.inventory.map((each) => each.name)).toEqual(['kept', 'odd']);
    expect(result.unknown).toHaveLength(1);
    expect(result.deleted.map((each) => each.name)).toEqual(['old', 'stranger', 'gone']);
    expect(api.writes.every((request) => request.method === 'DELETE')).toBe(true);
  });

  test('is bounded', async () => {
    const applied = Array.from({ length: maxInventory + 1 }, (_, i) => widget(`w${i}`));
    await expect(prune(client, { previous: [], applied, resources: [] })).rejects.toThrow('inventory of 1001');
    await expect(
      applySet(applier, client, {
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
    applySet(applier, client, {
      wanted: [
        ...names.map((name) => ({ resource: widgets, object: widget(name), live: live(name) })),
        { resource: configMaps, object: configMap, live: api.get(configMaps, 'default/conf') },
      ],
      previous,
      resources: [widgets, configMaps],
    });

  test('configuration first; nothing to do the second time; what is wanted no more goes', async () => {
    const first = await set(['a', 'b']);
    expect(api.writes.map((request) => request.path.split('/').at(-1))).toEqual(['conf', 'a', 'b']);
    expect([first.writes, first.unsettled, first.failed]).toEqual([3, false, []]);
    const second = await set(['a', 'b'], first.inventory);
    expect([second.writes, second.inventory]).toEqual([0, first.inventory]);
    const third = await set(['a'], second.inventory);
    expect(third.deleted.map((each) => each.name)).toEqual(['b']);
    expect(third.writes).toBe(1);
    expect(api.get(widgets, 'default/b')).toBeUndefined();
  });

  test('one that fails does not stop the others, and nothing is pruned before all are in place', async () => {
    const first = await set(['a', 'old']);
    api.intercept = (request) =>
      request.path.endsWith('/bad') ? { status: 422, body: { code: 422, message: 'no' } } : undefined;
    const second = await set(['bad', 'c'], first.inventory);
    expect(second.failed.map((each) => each.wanted.object.metadata.name)).toEqual(['bad']);
    expect(live('c')).toBeDefined();
    expect(live('old')).toBeDefined();
    expect(second.inventory.map((each) => each.name).toSorted()).toEqual(['a', 'c', 'conf', 'old']);
  });

  test('waits while something is stale or being deleted', async () => {
    api.put(widgets, widget('a', { deletionTimestamp: '2026-01-01T00:00:00Z' }));
    expect((await set(['a'])).unsettled).toBe(true);
  });
});
