import { createTestClock, type TestClock } from 'quaymaster/base';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { KubeError } from '../kube/index.ts';
import { resources, type World } from './index.ts';
import { createFakeCluster, createTestWorld, type FakeCluster, lead, status } from './testing/index.ts';

let cluster: FakeCluster;
let clock: TestClock;
let world: World;
let heard: string[];

const npm = { source: { npm: { package: 'x', version: '1.0.0' } } };
const fromSecret = { ...npm, env: [{ name: 'X', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }] };
const putServer = (name: string, spec: object = npm, metadata: object = {}) =>
  cluster.put(resources.servers, { metadata: { name, namespace: 'n', ...metadata }, spec });
const putHub = (name = 'h', spec: object = { servers: { selector: {} }, auth: { mode: 'none' } }) =>
  cluster.put(resources.hubs, { metadata: { name, namespace: 'n' }, spec });
const putSecret = (name: string, data: Record<string, string>, metadata: object = {}) =>
  cluster.put(resources.secrets, { metadata: { name, namespace: 'n', ...metadata }, data });
const conditions = (name: string) =>
  world
    .namespace('n')
    ?.server(name)
    ?.conditions.map((each) => `${each.type}=${each.reason}`);

async function start(namespaces: readonly string[] = []): Promise<void> {
  world = createTestWorld(cluster, clock, { namespaces });
  heard = [];
  world.onChange('server', (key, initial) => heard.push(`server ${key}${initial ? ' initial' : ''}`));
  world.onChange('hub', (key, initial) => heard.push(`hub ${key}${initial ? ' initial' : ''}`));
  await lead(cluster, clock);
}
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn++) await clock.advance(20);
};

beforeEach(() => {
  cluster = createFakeCluster();
  clock = createTestClock();
});
afterEach(async () => {
  // Whatever the test left scheduled runs out; nothing repeats for ever.
  cluster.intercept = () => undefined;
  await cluster.stop();
  await clock.advance(200_000);
  expect(clock.pending).toBe(0);
});

describe('the view of a namespace', () => {
  test('is there before the first reconcile, with everything told once', async () => {
    putServer('a');
    putHub();
    await start();
    expect(world.namespace('n')?.compiled.hubs[0]?.servers.map((each) => each.name)).toEqual(['a']);
    expect(world.namespace('elsewhere')).toBeUndefined();
    expect(heard).toEqual(['server n/a initial', 'hub n/h initial']);
  });

  test('one edit is one compilation, and tells only of what changed', async () => {
    putServer('a');
    putServer('b');
    putHub();
    putHub('other', { servers: { include: ['b'] }, auth: { mode: 'none' } });
    await start();
    heard.length = 0;
    putServer('a', { ...npm, replicas: 3 });
    expect(heard).toEqual([]);
    await settle();
    // The number of Pods is no business of a hub, but its server is another object now.
    expect(heard.toSorted()).toEqual(['hub n/h', 'server n/a']);
  });

  test('our own status, or a resync, is no change', async () => {
    putServer('a');
    putHub();
    await start();
    heard.length = 0;
    cluster.put(resources.servers, { metadata: { name: 'a', namespace: 'n' }, status: { phase: 'Ready' } });
    cluster.resync();
    await settle();
    expect(heard).toEqual([]);
    // One copy of an unchanged spec is enough.
    expect(world.stores.servers.get('n/a')?.spec).toBe(world.namespace('n')?.server('a')?.object.spec);
  });

  test('a burst of 1,000 servers costs a handful of compilations', async () => {
    putHub();
    await start();
    let compilations = 0;
    const before = world.namespace('n');
    let last = before;
    for (let index = 0; index < 1000; index++) {
      putServer(`s${index}`);
      if (index % 100 === 0) await clock.advance(1);
      if (world.namespace('n') !== last) compilations += 1;
      last = world.namespace('n');
    }
    await clock.advance(5000);
    expect(world.namespace('n')?.compiled.servers).toHaveLength(1000);
    expect(compilations).toBeLessThan(5);
  });

  test('what is deleted, or being deleted, is offered no more', async () => {
    putServer('a');
    putServer('b');
    putHub();
    await start();
    putServer('a', npm, { deletionTimestamp: '2026-01-01T00:00:00Z' });
    await settle();
    expect(world.namespace('n')?.server('a')).toBeUndefined();
    cluster.remove(resources.servers, 'n/b');
    cluster.remove(resources.hubs, 'n/h');
    cluster.remove(resources.servers, 'n/a');
    await settle();
    expect(world.namespace('n')).toBeUndefined();
    expect(heard).toContain('hub n/h');
  });

  test('hubs hear when the Gateway API comes, and when it goes', async () => {
    cluster.absent.add('httproutes');
    putHub();
    await start();
    expect(world.gatewayServed).toBe(false);
    await clock.advance(10_000);
    heard.length = 0;
    cluster.absent.clear();
    await clock.advance(10_000);
    expect(heard).toEqual(['hub n/h']);
    expect(world.gatewayServed).toBe(true);
  });

  test('the full rules hold: a stored object may be older than they are', async () => {
    putServer('bad', { source: { ...npm.source, remote: { url: 'https://a.example' } } });
    await start();
    expect(conditions('bad')?.[0]).toBe('Accepted=Invalid');
  });
});

describe('what servers refer to', () => {
  test('names of keys and a checksum are known, values are not kept', async () => {
    putSecret('s', { k: btoa('hunter2') });
    putSecret('stranger', { k: btoa('x') });
    putServer('a', fromSecret);
    putHub();
    await start();
    expect(conditions('a')).toContain('ResolvedRefs=ResolvedRefs');
    expect([...(world.known('Secret', 'n', 's')?.keys ?? [])]).toEqual(['k']);
    expect(Object.keys(world.checksums('n'))).toEqual(['Secret/s']);
    expect(cluster.reads).not.toContain('Secret/stranger');
    expect(JSON.stringify([world.stores.secrets.get('n/s'), world.checksums('n')])).not.toContain(btoa('hunter2'));
    expect(await world.secretValues('n', 's')).toEqual({ k: Buffer.from('hunter2') });
    expect(await world.secretValues('n', 'no')).toBeUndefined();
  });

  test('a missing Secret is a condition that clears by itself; a changed value is told to server and hub', async () => {
    putServer('a', fromSecret);
    putHub();
    await start();
    expect(conditions('a')).toContain('ResolvedRefs=SecretNotFound');
    putSecret('s', { other: '' });
    await settle();
    expect(conditions('a')).toContain('ResolvedRefs=SecretKeyNotFound');
    putSecret('s', { k: btoa('one') });
    await settle();
    expect(conditions('a')).toContain('ResolvedRefs=ResolvedRefs');
    const before = world.checksums('n')['Secret/s'];
    heard.length = 0;
    putSecret('s', { k: btoa('two') });
    await settle();
    expect(world.checksums('n')['Secret/s']).not.toBe(before);
    expect(heard).toEqual(['server n/a', 'hub n/h']);
    heard.length = 0;
    putSecret('s', { k: btoa('two') }, { labels: { team: 'x' } });
    await settle();
    expect(heard).toEqual([]);
    cluster.remove(resources.secrets, 'n/s');
    await settle();
    expect(conditions('a')).toContain('ResolvedRefs=SecretNotFound');
    expect(world.checksums('n')).toEqual({});
  });

  test('EF-30 the Secret of a hub for its store of sessions is looked at as those of servers are, and told to that hub', async () => {
    const redis = { url: 'redis://store', passwordFrom: { secretKeyRef: { name: 'store', key: 'password' } } };
    putHub('h', { servers: { selector: {} }, auth: { mode: 'none' }, sessions: { store: 'redis', redis } });
    putHub('other');
    await start();
    const reason = () =>
      world
        .namespace('n')
        ?.hub('h')
        ?.conditions.find(({ type }) => type === 'ResolvedRefs')?.reason;
    expect(reason()).toBe('SecretNotFound');
    heard.length = 0;
    putSecret('store', { password: btoa('sesame') });
    await settle();
    expect([reason(), new Set(heard)]).toEqual(['ResolvedRefs', new Set(['hub n/h'])]);
    heard.length = 0;
    putSecret('store', { password: btoa('other') });
    await settle();
    expect(new Set(heard)).toEqual(new Set(['hub n/h']));
    putHub('h');
    await settle();
    expect(world.checksums('n')).toEqual({});
  });

  test('a new reference does not take a running server down while it is read', async () => {
    putServer('a');
    putHub();
    putSecret('s', { k: '' });
    await start();
    cluster.intercept = (verb, resource) =>
      verb === 'get' && resource.kind === 'Secret' ? new Error('no network') : undefined;
    putServer('a', fromSecret);
    await settle();
    expect(world.namespace('n')?.server('a')?.object.spec).toEqual(npm);
    cluster.intercept = () => undefined;
    await clock.advance(70_000);
    expect(conditions('a')).toContain('Programmed=Programmed');
    expect(world.namespace('n')?.server('a')?.object.spec).toEqual(fromSecret);
  });

  test('what may not be read is said so; what was known stays known', async () => {
    putSecret('s', { k: '' });
    putServer('a', fromSecret);
    putHub();
    cluster.intercept = (verb, _resource, name) =>
      verb === 'get' && name === 's' ? status(403, 'forbidden') : undefined;
    await start();
    expect(conditions('a')).toContain('ResolvedRefs=ReferenceUnreadable');
    cluster.intercept = () => undefined;
    await clock.advance(120_000);
    expect(conditions('a')).toContain('ResolvedRefs=ResolvedRefs');
    cluster.intercept = (verb, _resource, name) =>
      verb === 'get' && name === 's' ? status(403, 'forbidden') : undefined;
    putSecret('s', { k: btoa('new') });
    await settle();
    expect(conditions('a')).toContain('ResolvedRefs=ResolvedRefs');
  });

  test('what nobody refers to any more is forgotten', async () => {
    putSecret('s', { k: '' });
    cluster.put(resources.configMaps, { metadata: { name: 'c', namespace: 'n' }, data: { a: 'b' } });
    putServer('a', { ...fromSecret, envFrom: [{ configMapRef: { name: 'c' } }, { secretRef: { name: 'gone' } }] });
    await start();
    expect(Object.keys(world.checksums('n')).toSorted()).toEqual(['ConfigMap/c', 'Secret/s']);
    putServer('a');
    await settle();
    expect(world.checksums('n')).toEqual({});
  });

  test('the token of a bridge is known without being referred to, and its server and hub hear of a new one', async () => {
    putServer('a');
    putHub();
    await start();
    heard.length = 0;
    const labels = { 'app.kubernetes.io/managed-by': 'quaymaster', 'quaymaster.dev/server': 'a' };
    putSecret('a-bridge', { token: btoa('t') }, { labels });
    await settle();
    expect(heard).toEqual(['server n/a', 'hub n/h']);
    expect(Object.keys(world.checksums('n'))).toEqual(['Secret/a-bridge']);
  });

  test('checksums survive a restart, since they stand in Pod templates', async () => {
    putSecret('s', { k: btoa('v') });
    putServer('a', fromSecret);
    await start();
    const first = world.checksums('n')['Secret/s'];
    await start();
    expect(world.checksums('n')['Secret/s']).toBe(first);
    expect(cluster.writes.map((write) => `${write.verb} ${write.name}`)).toEqual([
      'create quaymaster-operator-checksums',
    ]);
    cluster.remove(resources.secrets, 'system/quaymaster-operator-checksums');
    await start();
    expect(world.checksums('n')['Secret/s']).not.toBe(first);
  });

  test('an API server that is away for a moment ends no office', async () => {
    putServer('a');
    let failures = 3;
    cluster.intercept = (verb) =>
      verb === 'get' && failures-- > 0 ? new KubeError('KUBE_NETWORK', 'reset') : undefined;
    const leading = start();
    for (let turn = 0; turn < 10; turn++) await clock.advance(1_000);
    await leading;
    expect(conditions('a')?.[0]).toBe('Accepted=Accepted');
  });

  test('a former leader that made the key first is no failure; a Secret without a key is', async () => {
    let raced = false;
    cluster.intercept = (verb, resource, name) => {
      if (verb === 'create' && !raced) {
        raced = true;
        cluster.put(resource, {
          metadata: { name, namespace: 'system' },
          data: { key: Buffer.alloc(32).toString('base64') },
        });
      }
      return undefined;
    };
    await start();
    expect(world.checksums('n')).toEqual({});
    cluster.put(resources.secrets, {
      metadata: { name: 'quaymaster-operator-checksums', namespace: 'system' },
      data: {},
    });
    await expect(start()).rejects.toThrow(/holds no key; delete it/);
  });
});
