/** What is written to a real API server: only what differs, under the right names, and nothing at all when all is well. */
import { silentLogger, systemClock } from 'quaymaster/base';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { type Cluster, startCluster } from '@quaymaster/cluster';

import {
  type Applier,
  applySet,
  classify,
  createApplier,
  createController,
  createEventRecorder,
  createFinalizerTools,
  createKubeClient,
  createManager,
  createStatusWriter,
  createTransport,
  createWriteTracker,
  done,
  enqueueOn,
  type KubeClient,
  KubeError,
  type KubeObject,
  ownerKeys,
  requeueAfter,
  type Resource,
  staleRetryMs,
  stripBookkeeping,
  type Transport,
} from '../src/kube/index.ts';
import { children, kinds } from './support/children.ts';
import {
  adminEndpoint,
  configMaps,
  createWidgetKind,
  createWidgets,
  eventually,
  sleep,
  widgets,
} from './support/world.ts';

let cluster: Cluster;
let transport: Transport;
let client: KubeClient;
let applier: Applier;

const freshApplier = (): Applier =>
  createApplier({
    client,
    manager: 'kube-test',
    hashAnnotation: 'kube.test/hash',
    tracker: createWriteTracker({ clock: systemClock }),
  });

beforeAll(async () => {
  cluster = await startCluster({ level: 'control', name: 'kube-writes', fakeNodes: 1, audit: true });
  await createWidgetKind(cluster);
  transport = createTransport({ endpoint: await adminEndpoint(cluster), clock: systemClock, userAgent: 'kube-test' });
  client = createKubeClient(transport);
  applier = freshApplier();
});

afterAll(async () => {
  await transport?.close();
  await cluster?.[Symbol.asyncDispose]();
});

const read = async (object: KubeObject): Promise<KubeObject | undefined> =>
  await client
    .get<KubeObject>(kinds[object.kind] as Resource, 'default', object.metadata.name)
    .then(stripBookkeeping, () => undefined);

async function applyAll(objects: readonly KubeObject[], by = applier, recreate = false) {
  const wanted = await Promise.all(
    objects.map(async (object) => ({
      resource: kinds[object.kind] as Resource,
      object,
      live: await read(object),
      recreate,
    })),
  );
  return await applySet(by, client, { wanted, previous: [], resources: [] });
}

test('EF-55 everything a hub needs: applied once, then nothing is left to do, also for a process that remembers nothing', async () => {
  const first = await applyAll(children());
  expect(first.failed).toEqual([]);
  expect(first.writes).toBe(children().length);
  // The controllers of the cluster write into these objects too: status, addresses, defaults.
  await sleep(1500);
  const since = new Date();
  for (const by of [applier, freshApplier()]) {
    const again = await applyAll(children(), by);
    expect(
      again.applied
        .filter(({ result }) => result.action !== 'unchanged')
        .map(({ wanted, result }) => [wanted.object.kind, result]),
    ).toEqual([]);
  }
  await sleep(500);
  expect((await cluster.auditWrites(since)).filter((event) => event.userAgent === 'kube-test')).toEqual([]);
});

test('a changed wish and drift by hand are applied, and only these objects', async () => {
  const changed = await applyAll(children({ image: 'hub:2' }));
  expect(
    changed.applied.filter(({ result }) => result.action === 'updated').map(({ wanted }) => wanted.object.kind),
  ).toEqual(['Deployment']);
  await cluster.kubectl(['set', 'image', 'deployment/hub', 'hub=evil:1']);
  await cluster.kubectl([
    'patch',
    'role',
    'hub',
    '--type=json',
    '-p',
    '[{"op":"add","path":"/rules/-","value":{"apiGroups":["*"],"resources":["*"],"verbs":["*"]}}]',
  ]);
  await cluster.kubectl([
    'patch',
    'networkpolicy',
    'hub',
    '--type=json',
    '-p',
    '[{"op":"add","path":"/spec/ingress/0/ports/-","value":{"port":22}}]',
  ]);
  const repaired = await applyAll(children({ image: 'hub:2' }));
  expect(
    repaired.applied
      .filter(({ result }) => result.action === 'updated')
      .map(({ wanted }) => wanted.object.kind)
      .toSorted(),
  ).toEqual(['Deployment', 'NetworkPolicy', 'Role']);
  expect(await cluster.kubectl(['get', 'role', 'hub', '-o', 'jsonpath={.rules}'])).not.toContain('*');
  expect((await applyAll(children({ image: 'hub:2' }))).writes).toBe(0);
});

test('a foreign manager keeps what we do not render: replicas, annotations, a sidecar', async () => {
  await cluster.kubectl(['scale', 'deployment/hub', '--replicas=4']);
  await cluster.kubectl(['annotate', 'service', 'hub', 'argocd.example/tracking=x']);
  expect((await applyAll(children({ image: 'hub:2' }))).writes).toBe(0);
  expect((await applyAll(children({ image: 'hub:3' }))).writes).toBe(1);
  expect(await cluster.kubectl(['get', 'deployment', 'hub', '-o', 'jsonpath={.spec.replicas}'])).toBe('4');
});

test('an immutable field: a typed error that names it; made anew only where that is allowed', async () => {
  const refused = await applyAll(children({ image: 'hub:3', selector: 'x' }));
  expect(refused.failed.map(({ error }) => error)).toMatchObject([
    { status: 422, reason: 'Immutable', causes: [{ field: 'spec.selector' }] },
  ]);
  const before = await read(children().at(-1) as KubeObject);
  const remade = await applyAll(children({ image: 'hub:3', selector: 'x' }), applier, true);
  expect(remade.applied.at(-1)?.result.action).toBe('recreated');
  expect((await read(children().at(-1) as KubeObject))?.metadata.uid).not.toBe(before?.metadata.uid);
});

test('what is wanted only if nothing is there: made when absent, refused where something stands, whoever has it', async () => {
  for (const object of children().slice(0, 9)) {
    const mine = { ...object, metadata: { ...object.metadata, name: 'only-once' } };
    const request = { resource: kinds[object.kind] as Resource, wanted: mine, live: undefined, onlyIfAbsent: true };
    expect((await freshApplier().apply(request)).action, object.kind).toBe('created');
    await expect(freshApplier().apply(request), object.kind).rejects.toMatchObject({ status: 409 });
    await client.delete(request.resource, mine);
  }
});

test('prune by inventory deletes what is wanted no more, and only the object it made', async () => {
  const two = ['keep', 'drop'].map(
    (name) =>
      ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' }, data: {} }) as KubeObject,
  );
  const wanted = two.map((object) => ({ resource: configMaps, object, live: undefined }));
  const first = await applySet(applier, client, { wanted, previous: [], resources: [configMaps] });
  const stranger = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    namespace: 'default',
    name: 'kube-root-ca.crt',
    uid: '00000000-0000-0000-0000-000000000000',
  };
  const live = await read(two[0] as KubeObject);
  const second = await applySet(applier, client, {
    wanted: [{ resource: configMaps, object: two[0] as KubeObject, live }],
    previous: [...first.inventory, stranger],
    resources: [configMaps],
  });
  expect(second.inventory.map((entry) => entry.name)).toEqual(['keep']);
  expect(await cluster.kubectl(['get', 'configmaps', '-o', 'name'])).toContain('configmap/kube-root-ca.crt');
  expect(await cluster.kubectl(['get', 'configmaps', '-o', 'name'])).not.toContain('configmap/drop');
});

test('status, finalizers and events, as the API server wants them', async () => {
  await createWidgets(cluster, ['root']);
  const live = await client.get(widgets, 'default', 'root');
  const status = createStatusWriter({
    client,
    manager: 'kube-test-status',
    tracker: createWriteTracker({ clock: systemClock }),
  });
  const written = await status.write(widgets, live, {
    observedGeneration: 1,
    conditions: [{ type: 'Ready', status: 'True' }],
  });
  expect(written.object.status).toMatchObject({ observedGeneration: 1 });
  expect(written.object.metadata.generation).toBe(1);
  expect((await status.write(widgets, written.object, written.object.status)).action).toBe('unchanged');
  const finalizers = createFinalizerTools(client, 'kube.test/clean', 'kube-test-finalizers');
  const held = await finalizers.ensure(widgets, await client.get(widgets, 'default', 'root'));
  await expect(finalizers.ensure(widgets, live)).rejects.toMatchObject({ status: 409 });
  await client.delete(widgets, held);
  const dying = await client.get(widgets, 'default', 'root');
  expect(dying.metadata.deletionTimestamp).toBeDefined();
  let ids = 0;
  const events = createEventRecorder({
    client,
    clock: systemClock,
    logger: silentLogger,
    controller: 'kube.test/operator',
    instance: 'one',
    newId: () => `${++ids}`,
  });
  for (let i = 0; i < 3; i++) {
    events.record({
      regarding: dying,
      type: 'Warning',
      reason: 'Cleaning',
      action: 'Delete',
      note: 'waits for its hubs',
    });
    await events.flush();
  }
  const event = JSON.parse(await cluster.kubectl(['get', 'events.events.k8s.io', 'root.1', '-o', 'json'])) as {
    series: { count: number };
  };
  expect(event.series.count).toBe(3);
  expect(await cluster.kubectl(['describe', 'widget', 'root'])).toContain('waits for its hubs');
  await finalizers.remove(widgets, dying);
  await expect(client.get(widgets, 'default', 'root')).rejects.toMatchObject({ status: 404 });
});

test.each([false, true])(
  'metadata only, with a selector: the content of Secrets never leaves the server (list %s)',
  async (list) => {
    await cluster.kubectl(['create', 'secret', 'generic', `hidden-${list}`, '--from-literal=password=hunter2']);
    const stop = new AbortController();
    const manager = createManager({
      client: list ? { ...client, transport: withoutStreaming(transport) } : client,
      clock: systemClock,
      random: Math.random,
      logger: silentLogger,
    });
    const secrets = manager.informer({ resource: kinds['Secret'] as Resource, metadataOnly: true });
    const running = manager.run(stop.signal);
    await secrets.whenSynced(AbortSignal.timeout(20_000));
    const seen = secrets.store.get(`default/hidden-${list}`);
    expect(seen).toMatchObject({ kind: 'Secret', apiVersion: 'v1', metadata: { name: `hidden-${list}` } });
    expect(seen).not.toHaveProperty('data');
    stop.abort();
    await running;
  },
);

/** As a server does that does not stream lists. */
function withoutStreaming(real: Transport): Transport {
  return {
    ...real,
    watch: (request, signal) =>
      request.query?.['sendInitialEvents'] === true
        ? Promise.reject(new KubeError('KUBE_STATUS', 'sendInitialEvents is forbidden', { status: 422 }))
        : real.watch(request, signal),
  };
}

test('a namespace that is being deleted refuses for good: terminal, not retried', async () => {
  await cluster.kubectl(['create', 'namespace', 'dying']);
  await createWidgets(cluster, ['holder'], 'dying');
  await cluster.kubectl([
    'patch',
    'widget',
    'holder',
    '-n',
    'dying',
    '--type=merge',
    '-p',
    '{"metadata":{"finalizers":["kube.test/hold"]}}',
  ]);
  await cluster.kubectl(['delete', 'namespace', 'dying', '--wait=false']);
  const error: unknown = await client
    .create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'late', namespace: 'dying' } })
    .catch((caught: unknown) => caught);
  expect(classify(error)).toBe('terminal');
  await cluster.kubectl([
    'patch',
    'widget',
    'holder',
    '-n',
    'dying',
    '--type=merge',
    '-p',
    '{"metadata":{"finalizers":[]}}',
  ]);
});

test('EF-55 a whole controller: children of 50 roots, drift repaired in seconds, steady state and a forced resync write nothing', async () => {
  const stop = new AbortController();
  const manager = createManager({ client, clock: systemClock, random: Math.random, logger: silentLogger });
  const namespaces = ['default'];
  const roots = manager.informer({ resource: widgets, namespaces });
  const maps = manager.informer({ resource: configMaps, namespaces, labelSelector: 'kube.test/owned=yes' });
  const tracker = createWriteTracker({ clock: systemClock });
  tracker.follow(configMaps, maps.store);
  const own = createApplier({ client, manager: 'kube-test', hashAnnotation: 'kube.test/hash', tracker });
  const controller = createController({
    name: 'widgets',
    clock: systemClock,
    logger: silentLogger,
    reconcile: async (key, signal) => {
      const root = roots.store.get(key);
      if (root === undefined) return done;
      const { name, namespace = '', uid = '' } = root.metadata;
      const wanted = {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: {
          name: `of-${name}`,
          namespace,
          labels: { 'kube.test/owned': 'yes' },
          ownerReferences: [{ apiVersion: 'kube.test/v1', kind: 'Widget', name, uid, controller: true }],
        },
        data: { name },
      } as KubeObject;
      const { action } = await own.apply(
        { resource: configMaps, wanted, live: maps.store.get(`${namespace}/of-${name}`) },
        signal,
      );
      return action === 'stale' ? requeueAfter(staleRetryMs) : done;
    },
  });
  enqueueOn(roots.store, controller.queue);
  enqueueOn(maps.store, controller.queue, ownerKeys('kube.test', 'Widget'));
  manager.addController(controller);
  const names = Array.from({ length: 50 }, (_, i) => `many-${i}`);
  await createWidgets(cluster, names);
  const running = manager.run(stop.signal);
  const idle = (): boolean => controller.queue.depth + controller.queue.processing + controller.queue.waiting === 0;
  await eventually(
    'all children',
    () => names.every((name) => maps.store.get(`default/of-${name}`) !== undefined) && idle(),
  );
  const since = new Date();
  manager.resync();
  await sleep(3000);
  expect(idle()).toBe(true);
  expect((await cluster.auditWrites(since)).filter((event) => event.userAgent === 'kube-test')).toEqual([]);
  await cluster.kubectl(['patch', 'configmap', 'of-many-7', '--type=merge', '-p', '{"data":{"name":"by hand"}}']);
  await cluster.kubectl(['delete', 'configmap', 'of-many-8']);
  await eventually(
    'repaired',
    async () =>
      (await cluster
        .kubectl(['get', 'configmap', 'of-many-7', 'of-many-8', '-o', 'jsonpath={.items[*].data.name}'])
        .catch(() => '')) === 'many-7 many-8',
    5000,
  );
  // Once more, right after our own write: no record of it may hold the repair back.
  await cluster.kubectl(['delete', 'configmap', 'of-many-8']);
  await eventually(
    'repaired again',
    async () => (await cluster.kubectl(['get', 'configmap', 'of-many-8', '--ignore-not-found', '-o', 'name'])) !== '',
    5000,
  );
  stop.abort();
  await running;
});
