import { createTestClock, type TestClock } from 'quaymaster/base';
import { beforeEach, describe, expect, test } from 'vitest';

import { type KubeObject, stripBookkeeping, type StoreReader } from '../kube/index.ts';
import { resources } from '../world/index.ts';
import { createFakeCluster, type FakeCluster, status } from '../world/testing/index.ts';
import { createOwnedSecrets, type OwnedSecrets } from './owned-secrets.ts';

let cluster: FakeCluster;
let clock: TestClock;
let secrets: OwnedSecrets;
const object: KubeObject = {
  apiVersion: 'quaymaster.dev/v1alpha1',
  kind: 'McpHub',
  metadata: { name: 'h', namespace: 'n', uid: 'hub' },
};
const owner = { object, labels: { 'app.kubernetes.io/managed-by': 'quaymaster', 'quaymaster.dev/hub': 'h' } };
const live = () => cluster.get(resources.secrets, 'n/x') as (KubeObject & { readonly data?: object }) | undefined;
const put = (metadata: object, data?: object) =>
  cluster.put(resources.secrets, {
    metadata: { name: 'x', namespace: 'n', ...metadata },
    ...(data === undefined ? {} : { data }),
  });

beforeEach(() => {
  cluster = createFakeCluster();
  clock = createTestClock();
  const { store } = cluster.manager.informer({ resource: resources.secrets, transform: stripBookkeeping });
  secrets = createOwnedSecrets({ client: cluster.client, cache: store, manager: 'op', clock, maxRemembered: 5 });
});

const write = async (data: Readonly<Record<string, string>>, annotations = {}) =>
  secrets.write(owner, 'x', { data, annotations }, await secrets.look(owner, 'x'));

describe('a Secret that is owned', () => {
  test('made with owner and labels, then changed only where it differs, under its version', async () => {
    const made = await write({ a: 'QQ==' }, { note: '1' });
    expect(live()?.metadata).toMatchObject({ labels: owner.labels, annotations: { note: '1' } });
    expect(live()?.metadata.ownerReferences).toMatchObject([{ uid: 'hub', kind: 'McpHub', controller: true }]);
    await write({ a: 'QQ==' }, { note: '1' });
    expect(cluster.writes).toHaveLength(1);
    await write({ b: 'Qg==' }, { note: '2' });
    expect(cluster.writes.at(-1)?.body).toMatchObject({
      metadata: { uid: made.uid, resourceVersion: made.resourceVersion, annotations: { note: '2' } },
      data: { a: null, b: 'Qg==' },
    });
    expect(live()?.data).toEqual({ b: 'Qg==' });
    // Known by our own writes: nothing was read.
    expect(cluster.reads).toEqual([]);
  });

  test('what others did is read once; their labels and annotations stay', async () => {
    await write({ a: 'QQ==' });
    put({ labels: { ...owner.labels, team: 'x' }, annotations: { theirs: 'y' } }, { a: 'Qg==' });
    await write({ a: 'QQ==' });
    expect(live()).toMatchObject({
      data: { a: 'QQ==' },
      metadata: { labels: { team: 'x' }, annotations: { theirs: 'y' } },
    });
    await secrets.look(owner, 'x');
    expect(cluster.reads).toEqual(['Secret/x']);
  });

  test('a cache that is behind our own write is no reason to create again, nor to believe in what is gone', async () => {
    cluster.deaf = true;
    await write({ a: 'QQ==' });
    expect((await secrets.look(owner, 'x')).state).toBe('present');
    await write({ a: 'QQ==' });
    expect(cluster.writes).toHaveLength(1);
    await clock.advance(6000);
    expect((await secrets.look(owner, 'x')).state).toBe('absent');
    cluster.deaf = false;
    expect((await secrets.look(owner, 'x')).state).toBe('present');
    cluster.remove(resources.secrets, 'n/x');
    expect((await secrets.look(owner, 'x')).state).toBe('absent');
  });

  test('HT-0.05 a cluster that was restored to an older state is believed after a moment, and can be written to', async () => {
    await write({ a: 'QQ==' });
    const before = live();
    await write({ a: 'Qg==' });
    const versions: unknown[] = [];
    let thrownBack = false;
    const past = before as KubeObject;
    secrets = createOwnedSecrets({
      client: {
        ...cluster.client,
        get: async (...words) => (thrownBack ? (past as never) : cluster.client.get(...words)),
        merge: async (_resource, _target, patch) => {
          versions.push((patch as KubeObject).metadata.resourceVersion);
          return past as never;
        },
      },
      cache: {
        get: () => (thrownBack ? past : live()),
        subscribe: () => () => {},
      } as unknown as StoreReader<KubeObject>,
      manager: 'op',
      clock,
    });
    await secrets.look(owner, 'x');
    thrownBack = true;
    expect(await secrets.look(owner, 'x')).toMatchObject({ state: 'present' });
    await clock.advance(6000);
    await write({ a: 'Qg==' });
    expect(versions).toEqual([past.metadata.resourceVersion]);
  });

  test('whose it is: a stranger, a former owner, one that is on its way out, one that lost its owner', async () => {
    put({}, { mine: 'eA==' });
    expect(await secrets.look(owner, 'x')).toMatchObject({ state: 'taken', object: { metadata: { name: 'x' } } });
    const reference = { apiVersion: object.apiVersion, kind: 'McpHub', name: 'h', controller: true };
    put({ ownerReferences: [{ ...reference, uid: 'before' }] });
    expect((await secrets.look(owner, 'x')).state).toBe('terminating');
    put({ ownerReferences: [{ ...reference, uid: 'hub' }], deletionTimestamp: 'now' });
    expect((await secrets.look(owner, 'x')).state).toBe('terminating');
    cluster.remove(resources.secrets, 'n/x');
    put({ labels: owner.labels, ownerReferences: [{ ...reference, controller: false, uid: 'friend' }] }, { a: 'QQ==' });
    await write({ a: 'QQ==' });
    expect(live()?.metadata.ownerReferences?.map((each) => each.uid)).toEqual(['friend', 'hub']);
  });

  test('gone between cache and request is gone; other failures come through', async () => {
    put({ labels: owner.labels });
    cluster.intercept = (verb) => (verb === 'get' ? status(404) : undefined);
    expect((await secrets.look(owner, 'x')).state).toBe('absent');
    cluster.intercept = (verb) => (verb === 'get' ? status(503) : undefined);
    await expect(secrets.look(owner, 'x')).rejects.toMatchObject({ status: 503 });
  });

  test('what is remembered is bounded, and leaves when told', async () => {
    for (let i = 0; i < 9; i++) await secrets.write(owner, `s${i}`, { data: {} }, { state: 'absent' });
    expect(secrets.size).toBe(5);
    secrets.forget('n', 's8');
    expect(secrets.size).toBe(4);
  });
});
