import { createTestClock, type TestClock } from 'quaymaster/base';
import { beforeEach, describe, expect, test } from 'vitest';

import { type KubeObject, stripBookkeeping, type StoreReader } from '../kube/index.ts';
import { resources } from '../world/index.ts';
import { createFakeCluster, type FakeCluster, status } from '../world/testing/index.ts';
import { createCredentialReader, type CredentialReader } from './credentials.ts';
import type { CredentialReference } from './document.ts';

let cluster: FakeCluster;
let cache: StoreReader<KubeObject>;
let reader: CredentialReader;
let clock: TestClock;
const signal = new AbortController().signal;

const secret = (name: string, data: object) =>
  cluster.put(resources.secrets, { metadata: { name, namespace: 'n' }, data });
const ref = (name: string, key: string): CredentialReference => ({
  id: `${name}.${key}`,
  namespace: 'n',
  secret: name,
  key,
});

beforeEach(() => {
  cluster = createFakeCluster();
  clock = createTestClock();
  cache = cluster.manager.informer({ resource: resources.secrets, transform: stripBookkeeping }).store;
  reader = createCredentialReader({
    client: cluster.client,
    cache,
    hashKey: Buffer.alloc(32, 1),
    ownLabels: 'a=b',
    clock,
    maxRemembered: 40,
  });
});

describe('values of Secrets', () => {
  test('read once per version', async () => {
    secret('one', { a: 'QQ==' });
    const first = await reader.read([ref('one', 'a')], signal);
    expect(first.values).toEqual({ 'one.a': 'QQ==' });
    expect(await reader.read([ref('one', 'a')], signal)).toEqual(first);
    expect(cluster.reads).toEqual(['Secret/one']);
    secret('one', { a: 'Qg==' });
    const second = await reader.read([ref('one', 'a')], signal);
    expect(second.values).toEqual({ 'one.a': 'Qg==' });
    expect(second.hash).not.toBe(first.hash);
    expect(cluster.reads).toHaveLength(2);
  });

  test('HT-0.05 a cluster that was restored to an older state is believed after a moment', async () => {
    secret('one', { a: 'QQ==' });
    await reader.read([ref('one', 'a')], signal);
    // The cache and the API server know the version before; what was read is of a time that never was.
    const past = { metadata: { name: 'one', namespace: 'n', uid: 'u', resourceVersion: '0' }, data: { a: 'Qg==' } };
    const restored = createFakeCluster();
    restored.put(resources.secrets, past);
    const later = createCredentialReader({
      client: { ...cluster.client, get: (...words) => source().client.get(...words) },
      cache: { ...cache, get: (key) => source().cache.get(key) },
      hashKey: Buffer.alloc(32, 1),
      ownLabels: 'a=b',
      clock,
    });
    const before = { client: cluster.client, cache };
    const after = {
      client: restored.client,
      cache: { get: () => ({ ...past, apiVersion: 'v1', kind: 'Secret' }) as KubeObject },
    };
    let thrownBack = false;
    const source = (): {
      readonly client: Pick<typeof cluster.client, 'get'>;
      readonly cache: Pick<typeof cache, 'get'>;
    } => (thrownBack ? after : before);
    const value = async (): Promise<unknown> => Object.values((await later.read([ref('one', 'a')], signal)).values);
    expect(await value()).toEqual(['QQ==']);
    thrownBack = true;
    expect(await value()).toEqual(['QQ==']);
    await clock.advance(6000);
    expect(await value()).toEqual(['Qg==']);
  });

  test('another hub may need another key of the same Secret', async () => {
    secret('one', { a: 'QQ==', b: 'Qg==', unused: 'Qw==' });
    await reader.read([ref('one', 'a')], signal);
    expect((await reader.read([ref('one', 'b')], signal)).values).toEqual({ 'one.b': 'Qg==' });
    expect((await reader.read([ref('one', 'a'), ref('one', 'b')], signal)).values).toEqual({
      'one.a': 'QQ==',
      'one.b': 'Qg==',
    });
    expect(cluster.reads).toHaveLength(2);
  });

  test('what is not there is missing, and no failure; other failures are', async () => {
    secret('one', { a: 'QQ==' });
    expect((await reader.read([ref('one', 'x'), ref('two', 'a')], signal)).values).toEqual({});
    expect(cluster.reads).toEqual(['Secret/one']);
    cluster.intercept = (verb) => (verb === 'get' ? status(404) : undefined);
    secret('one', { a: 'Qg==' });
    expect((await reader.read([ref('one', 'a')], signal)).values).toEqual({});
    cluster.intercept = (verb) => (verb === 'get' ? status(500) : undefined);
    await expect(reader.read([ref('one', 'a')], signal)).rejects.toMatchObject({ status: 500 });
  });

  test('many are read by one list, what it left out singly; memory is bounded', async () => {
    const names = Array.from({ length: 30 }, (_, i) => `s${i}`);
    for (const name of names) secret(name, { a: 'QQ==' });
    const { values } = await reader.read(
      names.map((name) => ref(name, 'a')),
      signal,
    );
    expect(Object.keys(values)).toHaveLength(30);
    expect(cluster.reads).toEqual(['Secret/']);
    for (let i = 0; i < 50; i++) {
      secret(`t${i}`, { a: 'QQ==' });
      await reader.read([ref(`t${i}`, 'a')], signal);
    }
    expect(reader.size).toBe(40);
    reader.forget('n/t49');
    expect(reader.size).toBe(39);
  });

  test('the hash is keyed: the same values under another key have another one', async () => {
    secret('one', { a: 'QQ==' });
    const other = createCredentialReader({
      client: cluster.client,
      cache,
      hashKey: Buffer.alloc(32, 2),
      ownLabels: 'a=b',
      clock,
    });
    const [mine, theirs] = [await reader.read([ref('one', 'a')], signal), await other.read([ref('one', 'a')], signal)];
    expect(mine.values).toEqual(theirs.values);
    expect(mine.hash).not.toBe(theirs.hash);
  });
});
