/**
 * Everything that may happen to a watch, against a real API server: killed, stopped, compacted, restored from an older state, its kind
 * replaced, our token revoked, the connection half-open. After each the cache equals the cluster, and nothing is left open.
 */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

import { type Cluster, startCluster } from '@quaymaster/cluster';
import { silentLogger, systemClock } from 'quaymaster/base';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';

import {
  createDiscovery,
  createKubeClient,
  createReflector,
  createStore,
  createTransport,
  type Endpoint,
  inClusterEndpoint,
  type KubeObject,
  type ObjectStore,
  type Reflector,
  type ReflectorLimits,
  stripBookkeeping,
  type Transport,
} from '../src/kube/index.ts';
import { startTcpProxy, type TcpProxy } from './support/tcp-proxy.ts';
import {
  adminEndpoint,
  type CountingMetrics,
  countingMetrics,
  createWidgetKind,
  createWidgets,
  eventually,
  namesOf,
  portOf,
  sleep,
  widgets,
} from './support/world.ts';

const execute = promisify(execFile);
/** Faster than in production, so that a test takes seconds; the relations between them stay. */
const quick: Partial<ReflectorLimits> = { baseBackoffMs: 100, maxBackoffMs: 2000, returnMs: 500, initialIdleMs: 5000 };

let cluster: Cluster;
let proxy: TcpProxy;
let endpoint: Endpoint;
let transport: Transport;
let metrics: CountingMetrics;
let store: ObjectStore<KubeObject>;
let told: string[];
let reflector: Reflector;

beforeAll(async () => {
  cluster = await startCluster({ level: 'control', name: 'kube-watch', fakeNodes: 0 });
  await createWidgetKind(cluster);
});

afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

beforeEach(async () => {
  const direct = await adminEndpoint(cluster);
  proxy = await startTcpProxy(portOf(direct));
  endpoint = await adminEndpoint(cluster, proxy.port);
  await cluster.kubectl(['delete', 'widgets', '--all', '--wait=true']);
});

afterEach(async () => {
  await reflector?.stop();
  await transport?.close();
  await eventually('no connection is left open', () => proxy.open === 0, 3000);
  await proxy[Symbol.asyncDispose]();
});

async function follow(limits: Partial<ReflectorLimits> = {}, from: Endpoint = endpoint): Promise<void> {
  metrics = countingMetrics();
  transport = createTransport({ endpoint: from, clock: systemClock, userAgent: 'kube-test', metrics });
  store = createStore({ transform: stripBookkeeping });
  told = [];
  store.subscribe((change) => told.push(`${change.type} ${change.object.metadata.name}`));
  reflector = createReflector({
    client: createKubeClient(transport),
    discovery: createDiscovery(transport, systemClock),
    resource: widgets,
    store,
    clock: systemClock,
    random: Math.random,
    logger: silentLogger,
    metrics,
    limits: { ...quick, ...limits },
  });
  reflector.start();
  await reflector.whenSynced(AbortSignal.timeout(20_000));
}

const cacheIs = (...names: string[]) =>
  eventually(`the cache is ${names.join(', ')}`, () => namesOf(store.values()).join() === names.join());
const etcdctl = (...args: string[]) => execute('etcdctl', args, { env: { ...process.env, ...cluster.env } });
const removeWidgets = (...names: string[]) => cluster.kubectl(['delete', 'widget', ...names]);

test('HT-4.09 a real server streams the list; bookkeeping is not kept; changes come at once', async () => {
  await createWidgets(cluster, ['a', 'b']);
  await follow();
  expect(namesOf(store.values())).toEqual(['a', 'b']);
  expect(store.get('default/a')?.metadata.managedFields).toBeUndefined();
  expect(
    store.get('default/a')?.metadata.annotations?.['kubectl.kubernetes.io/last-applied-configuration'],
  ).toBeUndefined();
  expect(metrics.sum('rest_client_requests_total')).toBe(0);
  await createWidgets(cluster, ['c']);
  await cacheIs('a', 'b', 'c');
  await removeWidgets('a');
  await cacheIs('b', 'c');
  expect(reflector.state).toMatchObject({ relists: 1, failures: 0 });
});

test('the API server is killed and comes back: what happened is caught up, unchanged objects wake nobody', async () => {
  await createWidgets(cluster, ['a', 'b']);
  await follow();
  told.length = 0;
  await cluster.kill('kube-apiserver');
  await eventually('noticed', () => reflector.state.failures > 0);
  expect(namesOf(store.values()), 'the cache stays').toEqual(['a', 'b']);
  await cluster.restart('kube-apiserver');
  await eventually(
    'serves',
    async () => (await cluster.kubectl(['get', '--raw', '/readyz']).catch(() => '')) === 'ok',
    60_000,
  );
  await createWidgets(cluster, ['c']);
  await cacheIs('a', 'b', 'c');
  expect(told).toEqual(['added c']);
});

test('the API server stands still (stopped process): noticed by silence, caught up when it goes on', async () => {
  await createWidgets(cluster, ['a']);
  await follow({ idleMs: 3000, initialIdleMs: 3000 });
  await cluster.kill('kube-apiserver', 'STOP');
  await eventually('noticed', () => metrics.sum('quaymaster_informer_failures_total', { reason: 'silent' }) > 0);
  await cluster.kill('kube-apiserver', 'CONT');
  await createWidgets(cluster, ['b']);
  await cacheIs('a', 'b');
});

test('half-open TCP: a connection on which nothing passes any more is given up', async () => {
  await createWidgets(cluster, ['a']);
  await follow({ idleMs: 3000 });
  proxy.freeze();
  await createWidgets(cluster, ['b']);
  await sleep(500);
  expect(namesOf(store.values())).toEqual(['a']);
  await cacheIs('a', 'b');
  expect(reflector.state.relists).toBe(1);
});

test('410: the version we know is compacted away while we were cut off', async () => {
  await createWidgets(cluster, ['a', 'b']);
  await follow();
  proxy.freeze({ refuse: true });
  proxy.cut();
  await removeWidgets('a');
  await createWidgets(cluster, ['c']);
  const { stdout } = await etcdctl('endpoint', 'status', '-w', 'json');
  const [status] = JSON.parse(stdout) as [{ Status: { header: { revision: number } } }];
  await etcdctl('compact', '--physical', String(status.Status.header.revision));
  // Without its memory of changes the API server cannot know our version any more.
  await cluster.kill('kube-apiserver');
  await cluster.restart('kube-apiserver');
  await eventually(
    'serves',
    async () => (await cluster.kubectl(['get', '--raw', '/readyz']).catch(() => '')) === 'ok',
    60_000,
  );
  proxy.thaw();
  await cacheIs('b', 'c');
  expect(metrics.sum('quaymaster_informer_relists_total', { reason: 'expired' })).toBe(1);
});

test('the same name with a new uid, deleted and made while we were cut off: a removal and an addition', async () => {
  await createWidgets(cluster, ['a', 'b']);
  await follow();
  const uid = store.get('default/a')?.metadata.uid;
  told.length = 0;
  proxy.freeze({ refuse: true });
  proxy.cut();
  await removeWidgets('a');
  await createWidgets(cluster, ['a']);
  proxy.thaw();
  await eventually('the new one', () => store.get('default/a')?.metadata.uid !== uid && store.size === 2);
  expect(told).toEqual(['removed a', 'added a']);
});

test('the CRD is deleted and made anew: emptied, found again, with the new objects', async () => {
  await createWidgets(cluster, ['a', 'b']);
  await follow();
  const uid = store.get('default/a')?.metadata.uid;
  await cluster.kubectl(['delete', 'crd', 'widgets.kube.test', '--wait=true']);
  await cacheIs();
  await eventually('absent', () => reflector.state.phase === 'absent', 40_000);
  await createWidgetKind(cluster);
  await createWidgets(cluster, ['a']);
  await cacheIs('a');
  expect(store.get('default/a')?.metadata.uid).not.toBe(uid);
});

test('the CRD is replaced behind our back, while we were cut off', async () => {
  await createWidgets(cluster, ['a', 'gone']);
  await follow();
  const uid = store.get('default/a')?.metadata.uid;
  proxy.freeze({ refuse: true });
  proxy.cut();
  await cluster.kubectl(['delete', 'crd', 'widgets.kube.test', '--wait=true']);
  await createWidgetKind(cluster);
  await createWidgets(cluster, ['a']);
  proxy.thaw();
  await eventually('only the new one', () => store.size === 1 && store.get('default/a')?.metadata.uid !== uid);
});

test('HT-4.09 the token is revoked after it was rotated on disk: read anew, nothing lost', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'kube-token-'));
  try {
    await cluster.kubectl(['create', 'serviceaccount', 'rotating']).catch(() => '');
    await cluster
      .kubectl([
        'create',
        'clusterrolebinding',
        'rotating',
        '--clusterrole=cluster-admin',
        '--serviceaccount=default:rotating',
      ])
      .catch(() => '');
    const token = async (secret: string): Promise<string> => {
      await cluster.kubectl(['create', 'secret', 'generic', secret]);
      return (
        await cluster.kubectl([
          'create',
          'token',
          'rotating',
          '--bound-object-kind=Secret',
          `--bound-object-name=${secret}`,
        ])
      ).trim();
    };
    const admin = await adminEndpoint(cluster);
    await writeFile(join(folder, 'ca.crt'), (await admin.credentials.tls()).ca ?? '');
    await writeFile(join(folder, 'namespace'), 'default');
    await writeFile(join(folder, 'token'), await token('first'));
    const env = { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(proxy.port) };
    await createWidgets(cluster, ['a']);
    await follow({}, await inClusterEndpoint({ clock: systemClock, env, folder }));
    await writeFile(join(folder, 'token'), await token('second'));
    await cluster.kubectl(['delete', 'secret', 'first']);
    // The API server remembers a good token for ten seconds.
    await sleep(11_000);
    proxy.cut();
    await createWidgets(cluster, ['b']);
    await cacheIs('a', 'b');
    expect(metrics.sum('rest_client_requests_total', { code: '401' })).toBe(1);
    expect(metrics.sum('quaymaster_informer_failures_total', { reason: 'status 401' })).toBe(0);
  } finally {
    await cluster.kubectl(['delete', 'secret', 'first', 'second', '--ignore-not-found']);
    await rm(folder, { recursive: true });
  }
});

test('stopped at any moment, twenty times: no watch is left at the API server', async () => {
  await createWidgets(cluster, ['a']);
  // Others watch too: the controller manager follows every kind.
  const watches = async (): Promise<number> => {
    const line = (await cluster.kubectl(['get', '--raw', '/metrics']))
      .split('\n')
      .find((each) => /^apiserver_longrunning_requests\{.*resource="widgets".*verb="WATCH"/.test(each));
    return Number(line?.split(' ').at(-1) ?? 0);
  };
  const before = await watches();
  await follow();
  expect(await watches()).toBe(before + 1);
  await reflector.stop();
  for (let i = 0; i < 20; i++) {
    const fresh = createReflector({
      client: createKubeClient(transport),
      discovery: createDiscovery(transport, systemClock),
      resource: widgets,
      store: createStore(),
      clock: systemClock,
      random: Math.random,
      logger: silentLogger,
    });
    fresh.start();
    await sleep(i);
    await fresh.stop();
  }
  await eventually('no watch of ours', async () => (await watches()) <= before);
});

test.each([false, true])(
  'one pool for everything, HTTP/2 %s: a watch and 300 reads share few connections',
  async (http2) => {
    await createWidgets(cluster, ['a']);
    await follow();
    await reflector.stop();
    await transport.close();
    await eventually('closed', () => proxy.open === 0);
    const made = proxy.made;
    transport = createTransport({ endpoint, clock: systemClock, userAgent: 'kube-test', http2, burst: 1000 });
    const client = createKubeClient(transport);
    const again = createStore();
    reflector = createReflector({
      client,
      discovery: createDiscovery(transport, systemClock),
      resource: widgets,
      store: again,
      clock: systemClock,
      random: Math.random,
      logger: silentLogger,
    });
    reflector.start();
    await reflector.whenSynced();
    for (let i = 0; i < 30; i++) {
      await Promise.all(Array.from({ length: 10 }, () => client.get(widgets, 'default', 'a')));
    }
    expect(proxy.made - made).toBeLessThanOrEqual(http2 ? 3 : 25);
    await createWidgets(cluster, ['b']);
    await eventually('still watching', () => again.size === 2);
  },
);

// Last: it throws the cluster back in time.
test('etcd is restored from an older state: our version lies in the future; the cache goes back with the cluster', async () => {
  await createWidgets(cluster, ['a', 'b']);
  await follow({ initialIdleMs: 3000 });
  const data = join(dirname(cluster.kubeconfig), 'etcd');
  const saved = await mkdtemp(join(tmpdir(), 'kube-etcd-'));
  const serves = () =>
    eventually(
      'serves',
      async () => (await cluster.kubectl(['get', '--raw', '/readyz']).catch(() => '')) === 'ok',
      60_000,
    );
  try {
    await cluster.kill('kube-apiserver');
    await cluster.kill('etcd');
    await cp(data, saved, { recursive: true });
    await cluster.restart('etcd');
    await cluster.restart('kube-apiserver');
    await serves();
    await removeWidgets('a');
    for (let i = 0; i < 40; i++)
      await cluster.request({
        method: 'POST',
        path: '/apis/kube.test/v1/namespaces/default/widgets',
        body: { apiVersion: 'kube.test/v1', kind: 'Widget', metadata: { name: `later-${i}` } },
      });
    await eventually('the later state', () => store.size === 41);
    await cluster.kill('kube-apiserver');
    await cluster.kill('etcd');
    await rm(data, { recursive: true });
    await cp(saved, data, { recursive: true });
    await cluster.restart('etcd');
    await cluster.restart('kube-apiserver');
    await serves();
    await cacheIs('a', 'b');
  } finally {
    await rm(saved, { recursive: true });
  }
});
