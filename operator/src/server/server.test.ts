import { type Condition, defaultRenderSettings, type McpServerStatus } from '@quaymaster/crds';
import { createTestClock, silentLogger, type TestClock } from 'quaymaster/base';
import { beforeEach, describe, expect, test } from 'vitest';

import type { Controller, EventInput, KubeObject } from '../kube/index.ts';
import { createWorld, resources, type World } from '../world/index.ts';
import { createFakeCluster, type FakeCluster, status } from '../world/testing/index.ts';
import { createServerController } from './index.ts';
import { createFakeReports, type FakeReports } from './testing/index.ts';

let cluster: FakeCluster;
let clock: TestClock;
let world: World;
let control: FakeReports;
let controller: Controller;
let events: EventInput[];

const npm = { source: { npm: { package: 'x', version: '1.0.0' } } };
const remote = { source: { remote: { url: 'https://mcp.example' } } };
const ready = { phase: 'Ready', serverInfo: { name: 'x', version: '1' }, era: 'modern', toolsHash: 't1' } as const;

const put = (kind: keyof typeof resources, name: string, rest: object = {}, metadata: object = {}) =>
  cluster.put(resources[kind], { metadata: { name, namespace: 'n', ...metadata }, ...rest });
const putServer = (spec: object = npm, metadata: object = {}, name = 'a') => put('servers', name, { spec }, metadata);
const putHub = (name = 'h', spec: object = {}) =>
  put('hubs', name, { spec: { servers: { selector: {} }, auth: { mode: 'none' }, ...spec } });
const statusOf = (name = 'a') => (cluster.get(resources.servers, `n/${name}`)?.status ?? {}) as McpServerStatus;
const condition = (type: string, name = 'a') =>
  (statusOf(name).conditions as readonly Condition[] | undefined)?.find((each) => each.type === type);
const short = (name = 'a') =>
  Object.fromEntries((statusOf(name).conditions ?? []).map((each) => [each.type, `${each.status}/${each.reason}`]));
const live = (kind: keyof typeof resources, name: string) =>
  cluster.get(resources[kind], `n/${name}`) as (KubeObject & Record<string, never>) | undefined;
const tokens = () => (live('secrets', 'a-bridge')?.['data'] ?? {}) as { token?: string; previous?: string };
const written = () => cluster.writes.map(({ verb, resource, name }) => `${verb} ${resource.kind}/${name}`);
const deploymentReady = (over: object = {}) => {
  const generation = live('deployments', 'a-server')?.metadata.generation;
  const counts = { replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1 };
  put('deployments', 'a-server', { status: { observedGeneration: generation, ...counts, ...over } });
};
const podLabels = { 'app.kubernetes.io/managed-by': 'quaymaster', 'quaymaster.dev/server': 'a' };
const putPod = (podStatus: object, name = 'a-server-1') =>
  put('pods', name, { status: podStatus }, { labels: podLabels });

async function settle(ms = 300): Promise<void> {
  for (let turn = 0; turn < 15; turn++) await clock.advance(ms / 15);
}

async function start(): Promise<void> {
  world = createWorld({
    manager: cluster.manager,
    client: cluster.client,
    clock,
    logger: silentLogger,
    settings: { operatorNamespace: 'system' },
    namespaces: [],
  });
  let bytes = 0;
  controller = createServerController({
    world,
    control,
    client: cluster.client,
    clock,
    logger: silentLogger,
    settings: defaultRenderSettings('1.2.3'),
    events: { record: (event) => void events.push(event), flush: async () => {}, pending: 0 },
    randomBytes: (size) => Buffer.alloc(size, ++bytes),
    workers: 2,
    rotationStepMs: 10_000,
  });
  const leading = cluster.lead();
  for (let turn = 0; turn < 20; turn++) await clock.advance(10);
  await leading;
  controller.start();
  await settle();
}

beforeEach(() => {
  cluster = createFakeCluster();
  clock = createTestClock();
  control = createFakeReports();
  events = [];
});

describe('EF-55 a server in a cluster', () => {
  test('token first, then what runs, status last; Ready when its hub says so', async () => {
    putServer();
    putHub();
    await start();
    expect(written().filter((each) => !each.includes('checksums'))).toEqual([
      'create Secret/a-bridge',
      'apply ServiceAccount/a-server',
      'apply NetworkPolicy/a-server',
      'apply Service/a-server',
      'apply PodDisruptionBudget/a-server',
      'apply Deployment/a-server',
      'apply McpServer/a',
    ]);
    expect(Buffer.from(tokens().token ?? '', 'base64').toString()).toMatch(/^[\w-]{43}$/);
    expect(short()).toMatchObject({ Programmed: 'False/NotAcknowledged', Ready: 'False/Starting' });
    deploymentReady();
    await settle();
    expect(condition('Ready')).toMatchObject({
      reason: 'Pending',
      message: 'waiting for hub h to connect to the operator',
    });
    control.say('n/h', { 'n/a': ready });
    await settle();
    expect(short()).toEqual({
      Accepted: 'True/Accepted',
      ResolvedRefs: 'True/ResolvedRefs',
      Programmed: 'True/Programmed',
      Ready: 'True/Ready',
      Reconciling: 'False/Settled',
      Stalled: 'False/Settled',
      Degraded: 'False/Healthy',
    });
    expect(statusOf()).toMatchObject({
      observedGeneration: 1,
      replicas: 1,
      selector: 'app.kubernetes.io/component=server,quaymaster.dev/server=a',
      serverInfo: ready.serverInfo,
      toolsHash: 't1',
    });
    expect(events.map(({ type, reason }) => `${type} ${reason}`)).toEqual(['Normal Ready']);
  });

  test('steady state and a forced resync write nothing', async () => {
    putServer();
    putHub();
    control.say('n/h', { 'n/a': ready });
    await start();
    deploymentReady();
    await settle();
    const before = cluster.writes.length;
    cluster.resync();
    control.load('n/h');
    control.say('n/h', { 'n/a': ready });
    await settle(60_000);
    expect(cluster.writes.slice(before)).toEqual([]);
  });

  test('a remote server has no Pods, and is what its hub says', async () => {
    putServer(remote);
    putHub();
    control.say('n/h', { 'n/a': { ...ready, phase: 'Degraded', reason: 'Unreachable', message: 'no route' } });
    await start();
    expect(written().filter((each) => !each.includes('checksums'))).toEqual(['apply McpServer/a']);
    expect(short()).toMatchObject({ Ready: 'False/Unreachable', Degraded: 'True/Unreachable' });
    expect(statusOf().replicas).toBeUndefined();
  });

  test('what is deleted or changed by hand comes back', async () => {
    putServer();
    putHub();
    await start();
    for (const kind of [
      'serviceAccounts',
      'networkPolicies',
      'services',
      'disruptionBudgets',
      'deployments',
    ] as const) {
      cluster.remove(resources[kind], 'n/a-server');
      await settle();
      expect(live(kind, 'a-server'), kind).toBeDefined();
    }
    put('deployments', 'a-server', { spec: { ...(live('deployments', 'a-server')?.spec as object), replicas: 9 } });
    cluster.remove(resources.secrets, 'n/a-bridge');
    await settle(6_000);
    expect(live('deployments', 'a-server')?.spec).toMatchObject({ replicas: 1 });
    expect(live('secrets', 'a-bridge')).toBeDefined();
    put('secrets', 'a-bridge', { data: {} });
    await settle();
    expect(Object.keys(live('secrets', 'a-bridge')?.['data'] ?? {})).toEqual(['token']);
    put('secrets', 'a-bridge', {}, { labels: {} });
    await settle();
    expect(live('secrets', 'a-bridge')?.metadata.labels).toMatchObject(podLabels);
    put('services', 'a-server', {}, { labels: {} });
    await settle();
    expect(live('services', 'a-server')?.metadata.labels).toMatchObject(podLabels);
  });

  test('a changed Secret changes the checksum of the Pods', async () => {
    put('secrets', 's', { data: { k: btoa('one') } });
    putServer({ ...npm, env: [{ name: 'X', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }] });
    putHub();
    await start();
    const annotation = () =>
      (live('deployments', 'a-server')?.spec as { template?: KubeObject } | undefined)?.template?.metadata.annotations;
    const before = annotation();
    put('secrets', 's', { data: { k: btoa('two') } });
    await settle();
    expect(annotation()).not.toEqual(before);
  });

  test('a number that an autoscaler decides is left to it, and taken back when the autoscaler is gone', async () => {
    putServer();
    putHub();
    await start();
    const hpa = {
      group: 'autoscaling',
      version: 'v2',
      kind: 'HorizontalPodAutoscaler',
      plural: 'horizontalpodautoscalers',
      namespaced: true,
    };
    cluster.put(hpa, {
      metadata: { name: 'x', namespace: 'n' },
      spec: { scaleTargetRef: { kind: 'Deployment', name: 'a-server' } },
    });
    const managedFields = [
      {
        manager: 'kube-controller-manager',
        operation: 'Update',
        subresource: 'scale',
        fieldsV1: { 'f:spec': { 'f:replicas': {} } },
      },
    ];
    const spec = { ...(live('deployments', 'a-server')?.spec as object), replicas: 7 };
    put('deployments', 'a-server', { spec }, { managedFields });
    await settle();
    expect(live('deployments', 'a-server')?.spec).toMatchObject({ replicas: 7 });
    cluster.remove(hpa, 'n/x');
    await settle(180_000);
    expect(live('deployments', 'a-server')?.spec).toMatchObject({ replicas: 1 });
  });
});

describe('what stands in the way is a condition, and clears by itself', () => {
  test('HT-0.09 an object of somebody else is left alone; the others proceed', async () => {
    put('services', 'a-server', { spec: { mine: true } }, { labels: { app: 'other' } });
    putServer();
    putHub();
    control.say('n/h', { 'n/a': { phase: 'Starting', reason: 'NoEndpoints' } });
    await start();
    expect(live('services', 'a-server')?.spec).toEqual({ mine: true });
    expect(live('deployments', 'a-server')).toBeDefined();
    expect(short()).toMatchObject({ Ready: 'False/NameTaken', Stalled: 'True/NameTaken' });
    expect(condition('Ready')?.message).toMatch(/^Service a-server exists already .*; rename or delete that object/);
    cluster.remove(resources.services, 'n/a-server');
    await settle(20_000);
    expect(live('services', 'a-server')?.metadata.labels).toMatchObject(podLabels);
    expect(short()).toMatchObject({ Ready: 'False/NoEndpoints' });
  });

  test('a Secret of somebody else under the name of the token is neither read nor mounted', async () => {
    put('secrets', 'a-bridge', { data: { token: btoa('theirs') } });
    putServer();
    putHub();
    await start();
    expect(short()['Ready']).toBe('False/NameTaken');
    expect(live('deployments', 'a-server')).toBeUndefined();
    expect(world.checksums('n')).toEqual({});
    cluster.remove(resources.secrets, 'n/a-bridge');
    await settle(20_000);
    expect(live('deployments', 'a-server')).toBeDefined();
  });

  test.each([
    ['ApplyRefused', status(422, 'Deployment.apps "a-server" is invalid: requests must be <= limits')],
    ['QuotaExceeded', status(403, 'deployments.apps "a-server" is forbidden: exceeded quota: small')],
    ['ApplyRefused', status(403, 'denied by policy')],
  ])('%s: with the words of the API server', async (reason, error) => {
    cluster.intercept = (verb, resource) => (verb === 'apply' && resource.kind === 'Deployment' ? error : undefined);
    putServer();
    putHub();
    await start();
    expect(short()['Ready']).toBe(`False/${reason}`);
    expect(condition('Ready')?.message).toContain(error.message.slice(0, 30));
    expect(live('services', 'a-server')).toBeDefined();
    expect(events.at(-1)).toMatchObject({ type: 'Warning', reason });
    cluster.intercept = () => undefined;
    await settle(20_000);
    expect(short()['Ready']).toBe('False/Starting');
  });

  test('a network that fails is no condition; a namespace on its way out is nothing at all', async () => {
    const terminating = status(403, 'forbidden', [{ reason: 'NamespaceTerminating' }]);
    cluster.intercept = (verb, resource) =>
      verb === 'apply' && resource.kind === 'Deployment' ? terminating : undefined;
    putServer();
    putHub();
    await start();
    expect(short()['Ready']).toBe('False/Starting');
    await settle(2_000);
    const reads = cluster.reads.length;
    await settle(30_000);
    expect(cluster.reads.length).toBe(reads);
    cluster.intercept = (verb, resource) =>
      verb === 'apply' && resource.kind === 'Deployment' ? new TypeError('broken') : undefined;
    putServer({ ...npm, replicas: 2 });
    await settle();
    expect(short()['Ready']).toBe('False/Starting');
    cluster.intercept = () => undefined;
    await settle(5_000);
    expect(live('deployments', 'a-server')?.spec).toMatchObject({ replicas: 2 });
  });

  test('what this kind of cluster cannot run is said, and what runs stays', async () => {
    putServer();
    putHub();
    await start();
    putServer({ ...npm, roots: [{ name: 'r', directory: '/home' }] });
    await settle();
    expect(short()).toMatchObject({ Ready: 'False/Unsupported', Stalled: 'True/Unsupported' });
    expect(live('deployments', 'a-server')).toBeDefined();
  });

  test('an image that cannot be pulled; while the former Pods serve it stays Ready', async () => {
    putServer();
    putHub();
    await start();
    const waiting = { reason: 'ImagePullBackOff', message: 'Back-off pulling image "x"; no such host' };
    putPod({ containerStatuses: [{ name: 'server', image: 'x', ready: false, state: { waiting } }] });
    control.say('n/h', { 'n/a': { phase: 'Degraded', reason: 'Unreachable' } });
    await settle();
    expect(condition('Ready')).toMatchObject({ reason: 'ImagePullFailed' });
    expect(condition('Ready')?.message).toMatch(
      /^Pod a-server-1: image x: Back-off .*, no such host; correct the image/,
    );
    control.say('n/h', { 'n/a': ready });
    await settle();
    expect(short()).toMatchObject({
      Ready: 'True/Ready',
      Stalled: 'True/ImagePullFailed',
      Degraded: 'True/ImagePullFailed',
    });
    expect(events.map((event) => event.reason)).toEqual(['ImagePullFailed', 'Ready']);
    putPod({ containerStatuses: [{ name: 'server', ready: true }] });
    deploymentReady();
    await settle();
    expect(short()).toMatchObject({ Stalled: 'False/Settled', Reconciling: 'False/Settled' });
  });
});

describe('what the hubs say', () => {
  test('the oldest hub that reports decides, its worst replica first; other tools elsewhere are a condition', async () => {
    putHub('old');
    putHub('new');
    putServer(remote);
    control.say('n/new', { 'n/a': { ...ready, toolsHash: 't2' } });
    await start();
    expect(statusOf().toolsHash).toBe('t2');
    control.say('n/old', { 'n/a': ready });
    await settle();
    expect(statusOf().toolsHash).toBe('t1');
    expect(short()).toMatchObject({ Ready: 'True/Ready', Degraded: 'True/HubsDisagree' });
    expect(condition('Degraded')?.message).toContain('hub new sees other tools of it than hub old');
    control.say('n/old', { 'n/a': { phase: 'Degraded', reason: 'Unreachable' } }, 'r2');
    await settle();
    expect(short()['Ready']).toBe('False/Unreachable');
    control.say('n/old', undefined, 'r2');
    control.say('n/new', { 'n/a': ready });
    await settle();
    expect(short()).toMatchObject({ Ready: 'True/Ready', Degraded: 'False/Healthy' });
  });

  test('Programmed when every replica that reports runs it as declared now', async () => {
    putHub();
    putServer(remote);
    await start();
    const hash = world.namespace('n')?.server('a')?.config?.runtimeHash ?? '';
    control.say('n/h', { 'n/a': { ...ready, runtimeHash: hash } });
    control.say('n/h', { 'n/a': { ...ready, runtimeHash: 'former' } }, 'r2');
    await settle();
    expect(short()).toMatchObject({
      Programmed: 'False/NotAcknowledged',
      Ready: 'True/Ready',
      Reconciling: 'True/NotAcknowledged',
    });
    control.say('n/h', {}, 'r2');
    await settle();
    expect(condition('Programmed')?.message).toContain('1 of 2 replicas');
    control.say('n/h', { 'n/a': { ...ready, runtimeHash: hash } }, 'r2');
    await settle();
    expect(short()).toMatchObject({ Programmed: 'True/Programmed', Reconciling: 'False/Settled' });
  });

  test('a stream that breaks for a moment, or a new leader, changes nothing; silence that lasts does', async () => {
    putHub();
    putServer(remote);
    control.say('n/h', { 'n/a': ready });
    await start();
    const before = cluster.writes.length;
    control.say('n/h', undefined);
    await settle(10_000);
    control.say('n/h', null);
    await settle(1_000);
    control.say('n/h', { 'n/a': ready });
    await settle(10_000);
    expect(cluster.writes.length).toBe(before);
    control.say('n/h', undefined);
    await settle(20_000);
    expect(condition('Programmed')?.message).toBe('no replica of hub h is connected');
    expect(short()['Ready']).toBe('False/Pending');
  });
});

describe('the end of a server', () => {
  test('selected no more: hubs let go first, then the Pods end, then goes what stood around them', async () => {
    putServer();
    putHub();
    control.say('n/h', { 'n/a': ready });
    await start();
    putPod({ phase: 'Running' });
    deploymentReady();
    putHub('h', { servers: { include: [] } });
    await settle(2_000);
    expect(short()['Ready']).toBe('False/NotSelected');
    expect(statusOf().phase).toBe('Draining');
    expect(live('deployments', 'a-server')).toBeDefined();
    control.say('n/h', {});
    await settle(2_000);
    expect(live('deployments', 'a-server')).toBeUndefined();
    expect(live('services', 'a-server')).toBeDefined();
    cluster.remove(resources.pods, 'n/a-server-1');
    await settle(2_000);
    for (const kind of ['services', 'networkPolicies', 'serviceAccounts', 'disruptionBudgets'] as const)
      expect(live(kind, 'a-server'), kind).toBeUndefined();
    expect(live('secrets', 'a-bridge')).toBeUndefined();
    expect(statusOf().phase).toBe('Stopped');
  });

  test('a hub that never lets go does not keep it for ever', async () => {
    putServer();
    putHub();
    control.say('n/h', { 'n/a': ready });
    await start();
    putHub('h', { servers: { include: [] } });
    await settle(40_000);
    expect(live('deployments', 'a-server')).toBeUndefined();
  });

  test('deleted: garbage collection takes its objects, and only what it forgets is swept', async () => {
    putServer();
    putHub();
    await start();
    const uid = live('servers', 'a')?.metadata.uid;
    cluster.remove(resources.servers, 'n/a');
    await settle(10_000);
    expect(live('deployments', 'a-server')?.metadata.ownerReferences?.[0]?.uid).toBe(uid);
    await settle(40_000);
    expect(live('deployments', 'a-server')).toBeUndefined();
    expect(live('secrets', 'a-bridge')).toBeUndefined();
  });

  test('what carries our labels and no owner is nobody to sweep', async () => {
    put('services', 'a-server', {}, { labels: podLabels });
    await start();
    await settle(120_000);
    expect(live('services', 'a-server')).toBeDefined();
  });

  test('made again under the same name: objects of the former one go first', async () => {
    putServer();
    putHub();
    await start();
    cluster.remove(resources.servers, 'n/a');
    const made = putServer(npm, { uid: 'second' });
    await settle(6_000);
    for (const kind of ['services', 'deployments'] as const)
      expect(live(kind, 'a-server')?.metadata.ownerReferences?.map((owner) => owner.uid)).toEqual([made.metadata.uid]);
    expect(live('secrets', 'a-bridge')?.metadata.ownerReferences?.[0]?.uid).toBe('second');
  });

  test('while it is being deleted nothing is made', async () => {
    putServer(npm, { deletionTimestamp: '2026-01-01T00:00:00Z' });
    putHub();
    await start();
    expect(written().filter((each) => !each.includes('checksums'))).toEqual([]);
  });
});

describe('rotation of the token', () => {
  test('announced, then presented, then the old one is dropped; the same request once', async () => {
    putServer();
    putHub();
    await start();
    const data = tokens;
    const first = data().token;
    putServer(npm, { annotations: { 'quaymaster.dev/rotate': '1' } });
    await settle(2_000);
    const announced = data().previous;
    expect(data().token).toBe(first);
    expect(announced).not.toBe(first);
    await settle(10_000);
    expect(data()).toEqual({ token: announced, previous: first });
    await settle(12_000);
    expect(data()).toEqual({ token: announced });
    const before = cluster.writes.length;
    cluster.resync();
    await settle(60_000);
    expect(cluster.writes.length).toBe(before);
  });

  test('an announced token that somebody took out is announced again', async () => {
    putServer(npm, { annotations: { 'quaymaster.dev/rotate': '1' } });
    putHub();
    await start();
    expect(Object.keys(live('secrets', 'a-bridge')?.['data'] ?? {})).toEqual(['token']);
    putServer(npm, { annotations: { 'quaymaster.dev/rotate': '2' } });
    await settle(2_000);
    const { token = '' } = tokens();
    put('secrets', 'a-bridge', { data: { token } });
    await settle(12_000);
    expect(live('secrets', 'a-bridge')?.['data']).toMatchObject({ token });
    await settle(24_000);
    expect(Object.keys(live('secrets', 'a-bridge')?.['data'] ?? {})).toEqual(['token']);
    expect(live('secrets', 'a-bridge')?.['data']).not.toMatchObject({ token });
  });
});
