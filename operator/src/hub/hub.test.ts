import { createHash } from 'node:crypto';

import {
  type Condition,
  credentialKey,
  defaultRenderSettings,
  type HubDocument,
  type McpHubStatus,
  type ReportMessage,
} from '@quaymaster/crds';
import { createTestClock, silentLogger, type TestClock } from 'quaymaster/base';
import { beforeEach, describe, expect, test } from 'vitest';

import type { HubPublication, HubReplica } from '../control/index.ts';
import type { Controller, EventInput, KubeObject } from '../kube/index.ts';
import { createWorld, resources, type World } from '../world/index.ts';
import { createFakeCluster, type FakeCluster, status } from '../world/testing/index.ts';
import { documentIn } from './generation.ts';
import { createHubAuthorizer, createHubController } from './index.ts';

type Listener = (hub: string, what: 'state' | 'load') => void;

let cluster: FakeCluster;
let clock: TestClock;
let world: World;
let controller: Controller;
let events: EventInput[];
let published: HubPublication[];
let forgotten: string[];
let replicas: HubReplica[];
let listeners: Set<Listener>;
let authorities: Set<() => void>;
let ca: string;

const put = (kind: keyof typeof resources, name: string, rest: object = {}, metadata: object = {}) =>
  cluster.put(resources[kind], { metadata: { name, namespace: 'n', ...metadata }, ...rest });
const npm = { npm: { package: 'x', version: '1.0.0' } };
const putServer = (name = 'a', source: object = npm, metadata: object = {}) =>
  put('servers', name, { spec: { source } }, metadata);
const putHub = (spec: object = {}, metadata: object = {}, name = 'h') =>
  put('hubs', name, { spec: { servers: { selector: {} }, auth: { mode: 'none' }, replicas: 2, ...spec } }, metadata);
const live = (kind: keyof typeof resources, name: string) =>
  cluster.get(resources[kind], `n/${name}`) as
    | (KubeObject & { readonly data?: Readonly<Record<string, string>>; readonly status?: unknown })
    | undefined;
const statusOf = (name = 'h') => (live('hubs', name)?.status ?? {}) as McpHubStatus;
const condition = (type: string, name = 'h') =>
  (statusOf(name).conditions as readonly Condition[] | undefined)?.find((each) => each.type === type);
const short = (name = 'h') =>
  Object.fromEntries((statusOf(name).conditions ?? []).map((each) => [each.type, `${each.status}/${each.reason}`]));
const written = () =>
  cluster.writes
    .filter(({ name }) => !name.endsWith('checksums'))
    .map(({ verb, resource, name }) => `${verb} ${resource.kind}/${name}`);
const labels = { 'app.kubernetes.io/managed-by': 'quaymaster', 'quaymaster.dev/hub': 'h' };
const putPod = (name: string, ready = true, rest: object = {}, metadata: object = {}) =>
  put(
    'pods',
    name,
    {
      status: {
        phase: 'Running',
        podIP: `10.0.0.${name.length}`,
        conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
        ...rest,
      },
    },
    { labels, ...metadata },
  );
const uidOf = (pod: string) => live('pods', pod)?.metadata.uid ?? '';
const document = (): HubDocument => {
  const found = documentIn(live('secrets', 'h-config')?.data);
  if (found === undefined) throw new Error('no document');
  return found;
};

/** Replica `pod` has a stream and runs what was published last, or says otherwise. */
function say(pod: string, over: Partial<HubReplica> = {}, phase: 'Ready' | 'Starting' | 'Degraded' = 'Ready'): void {
  const { hash = '', generation = 0, config } = published.at(-1)?.document ?? {};
  const servers = Object.fromEntries(
    (config?.servers ?? []).map(({ key }) => [key, { observed: { phase }, inFlight: 0, waiting: 0 }]),
  );
  const report: ReportMessage = {
    type: 'report',
    load: { inFlight: 0, sessions: 0, streams: 0, eventLoop: 0 },
    catalogHash: 'c',
    tools: 7,
    problems: [],
    servers,
  };
  replicas = [
    ...replicas.filter((each) => each.pod.name !== pod),
    {
      pod: { name: pod, uid: uidOf(pod), ip: '' },
      version: '1',
      acknowledged: { hash, generation },
      report,
      connectedSince: clock.now(),
      ...over,
    },
  ];
  for (const listener of listeners) listener('n/h', 'state');
}

async function settle(ms = 600): Promise<void> {
  for (let turn = 0; turn < 30; turn++) await clock.advance(ms / 30);
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
  controller = createHubController({
    world,
    control: {
      publish: (_hub, state) => void published.push(state),
      forget: (hub) => void forgotten.push(hub),
      replicas: () => replicas,
      onChange(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    authority: {
      ca: () => ca,
      onChange(listener) {
        authorities.add(listener);
        return () => authorities.delete(listener);
      },
    },
    client: cluster.client,
    clock,
    logger: silentLogger,
    settings: { ...defaultRenderSettings('1.2.3'), allowAnonymousExposure: true },
    events: { record: (event) => void events.push(event), flush: async () => {}, pending: 0 },
    randomBytes: (size) => Buffer.alloc(size, ++bytes),
    workers: 2,
    sealing: { announceMs: 1000, keepMs: 5000 },
  });
  const leading = cluster.lead();
  for (let turn = 0; turn < 20; turn++) await clock.advance(10);
  await leading;
  controller.start();
  await settle();
}

/** Two replicas that run what they should. */
async function serving(): Promise<void> {
  putPod('p1');
  putPod('p22');
  await settle();
  say('p1');
  say('p22');
  await settle();
}

beforeEach(() => {
  cluster = createFakeCluster();
  clock = createTestClock();
  events = [];
  published = [];
  forgotten = [];
  replicas = [];
  listeners = new Set();
  authorities = new Set();
  ca = 'PEM 1';
});

describe('EF-55 a hub in a cluster', () => {
  test('Secrets first, then what mounts them, status last; Ready when all replicas acknowledged', async () => {
    putServer();
    putHub();
    await start();
    expect(written()).toEqual([
      'create Secret/h-sealing',
      'create Secret/h-credentials',
      'create Secret/h-config',
      'apply ServiceAccount/h-hub',
      'apply NetworkPolicy/h-hub',
      'apply Service/h-hub',
      'apply Service/h-hub-peers',
      'apply PodDisruptionBudget/h-hub',
      'apply Deployment/h-hub',
      'apply McpHub/h',
    ]);
    expect(short()).toMatchObject({ Programmed: 'False/NotAcknowledged', Ready: 'False/NotAcknowledged' });
    expect(document()).toMatchObject({ generation: 1, hash: published.at(-1)?.document.hash });
    await serving();
    expect(short()).toEqual({
      Accepted: 'True/Accepted',
      ResolvedRefs: 'True/ResolvedRefs',
      Programmed: 'True/Programmed',
      Ready: 'True/Ready',
      Reconciling: 'False/Settled',
      Stalled: 'False/Settled',
      Degraded: 'False/Healthy',
      Insecure: 'True/NoAuthentication',
    });
    expect(statusOf()).toMatchObject({
      observedConfig: '2/2 at generation 1',
      replicas: 2,
      tools: 7,
      servers: { summary: '1/1' },
      address: 'http://h-hub.n.svc.cluster.local/mcp',
      selector: 'app.kubernetes.io/component=hub,quaymaster.dev/hub=h',
    });
    expect(events.map(({ type, reason }) => `${type} ${reason}`)).toEqual(['Normal Ready']);
    expect(published.at(-1)?.peers.map((each) => each.name)).toEqual(['p1', 'p22']);
  });

  test('a resync writes nothing, reads nothing and publishes the same', async () => {
    putServer();
    putHub();
    await start();
    await serving();
    const before = [cluster.writes.length, cluster.reads.length];
    cluster.resync();
    await settle(2000);
    expect([cluster.writes.length, cluster.reads.length]).toEqual(before);
    expect(published.at(-1)).toEqual(published.at(-2));
  });

  test('EF-57 a changed configuration: the next number, durable before it is published, one status when all have it', async () => {
    putServer();
    putHub();
    await start();
    await serving();
    const before = written().length;
    const seen: (number | undefined)[] = [];
    const known = published.length;
    cluster.intercept = (verb, _resource, name) => {
      if (verb === 'merge' && name === 'h-config') seen.push(published.slice(known).at(-1)?.document.generation);
      return undefined;
    };
    putHub({ instructions: 'hello' });
    await settle(200);
    expect(seen).toEqual([undefined]);
    expect(published.at(-1)?.document.generation).toBe(2);
    expect(written().slice(before)).toEqual(['merge Secret/h-config']);
    say('p1');
    say('p22');
    await settle();
    expect(written().slice(before)).toEqual(['merge Secret/h-config', 'apply McpHub/h']);
    expect(statusOf().observedConfig).toBe('2/2 at generation 2');
    expect(events.map(({ reason }) => reason)).toEqual(['Ready']);
  });

  test('a replica that says nothing holds the status back only for a moment', async () => {
    putServer();
    putHub();
    await start();
    await serving();
    putHub({ instructions: 'hello' });
    await settle(100);
    say('p1');
    await settle(1000);
    expect(statusOf().observedConfig).toBe('1/2 at generation 2');
    expect(short()).toMatchObject({ Programmed: 'False/NotAcknowledged', Ready: 'False/NotAcknowledged' });
  });

  test('EF-57 a refused document is a condition with the words of the replica, and goes with the next one', async () => {
    putServer();
    putHub();
    await start();
    await serving();
    const old = published.at(-1)?.document.hash ?? '';
    putHub({ instructions: 'odd' });
    await settle(100);
    const { hash = '' } = published.at(-1)?.document ?? {};
    for (const pod of ['p1', 'p22'])
      say(pod, { acknowledged: { hash: old, generation: 1 }, refused: { hash, message: 'cannot read it' } });
    await settle(1000);
    expect(condition('Programmed')).toMatchObject({ status: 'False', reason: 'ConfigRefused' });
    expect(condition('Degraded')?.message).toContain('p1 refuses configuration');
    expect(condition('Degraded')?.message).toContain('cannot read it');
    putHub();
    await settle(100);
    say('p1');
    say('p22');
    await settle(1000);
    expect(short()).toMatchObject({ Programmed: 'True/Programmed', Degraded: 'False/Healthy' });
    // The first content again, but never its number.
    expect(statusOf().observedConfig).toBe('2/2 at generation 3');
  });

  test('EF-57 a configuration that does not fit leaves the last good one, and clears by itself', async () => {
    putServer();
    putHub();
    await start();
    await serving();
    const good = published.at(-1)?.document;
    const noise = (seed: string) =>
      Array.from({ length: 90 }, (_, i) => createHash('sha256').update(`${seed}${i}`).digest('base64')).join('');
    const wide = (name: string) => Array.from({ length: 8 }, (_, i) => noise(`${name}${i}`));
    const names = Array.from({ length: 50 }, (_, i) => `s${i}`);
    for (const name of names) putServer(name, { command: { command: 'x', image: 'i', args: wide(name) } });
    await settle(1000);
    expect(condition('Accepted')).toMatchObject({ status: 'False', reason: 'ConfigTooLarge' });
    expect(condition('Accepted')?.message).toContain('51 servers');
    expect(short()).toMatchObject({
      Stalled: 'True/ConfigTooLarge',
      Reconciling: 'False/Settled',
      Ready: 'True/Ready',
    });
    expect(published.at(-1)?.document).toEqual(good);
    // So it is for a successor, who has to read what is good.
    await controller.stop();
    listeners.clear();
    await start();
    await settle(1000);
    expect(published.at(-1)?.document).toEqual(good);
    for (const name of names) cluster.remove(resources.servers, `n/${name}`);
    await settle(1000);
    expect(condition('Accepted')?.status).toBe('True');
    expect(published.at(-1)?.document).toEqual(good);
  });

  test('HT-0.05 a lost config Secret comes back with its number; the next content gets the next one', async () => {
    putServer();
    putHub();
    await start();
    await serving();
    cluster.remove(resources.secrets, 'n/h-config');
    await settle(200);
    expect(document().generation).toBe(1);
    cluster.remove(resources.secrets, 'n/h-config');
    putHub({ instructions: 'other' });
    await settle(200);
    expect(document().generation).toBe(2);
  });

  test('replicas that are ahead, as after a restored API server, get the content under a number above theirs', async () => {
    putServer();
    putHub();
    await start();
    await serving();
    say('p1', { acknowledged: { hash: 'of a lost time', generation: 12 } });
    await settle();
    expect(published.at(-1)?.document.generation).toBe(13);
    expect(document().generation).toBe(13);
    say('p1');
    say('p22');
    await settle();
    expect(statusOf().observedConfig).toBe('2/2 at generation 13');
  });

  test('a successor takes what stands: no write, the same number; a number in status alone counts too', async () => {
    putServer();
    putHub();
    await start();
    await serving();
    await controller.stop();
    const before = cluster.writes.length;
    listeners.clear();
    await start();
    await settle(2000);
    expect(cluster.writes.slice(before).map(({ name }) => name)).toEqual([]);
    expect(published.at(-1)?.document.generation).toBe(1);
    await controller.stop();
    cluster.remove(resources.secrets, 'n/h-config');
    put('hubs', 'h', { status: { ...statusOf(), observedConfig: '2/2 at generation 41' } });
    await start();
    expect(document().generation).toBe(42);
  });

  test('a new leader waits for the replicas before it says anything', async () => {
    putServer();
    putHub();
    await start();
    await serving();
    await controller.stop();
    listeners.clear();
    const spoken = replicas;
    replicas = [];
    const before = statusOf();
    await start();
    await settle(3000);
    expect(statusOf()).toEqual(before);
    replicas = spoken;
    for (const listener of listeners) listener('n/h', 'state');
    await settle(1000);
    expect(statusOf()).toEqual(before);
    // But not for ever.
    replicas = [];
    for (const listener of listeners) listener('n/h', 'state');
    await settle(5000);
    expect(statusOf()).toEqual(before);
    await settle(12_000);
    expect(short()).toMatchObject({ Ready: 'False/NotAcknowledged' });
  });

  test('values of referenced Secrets reach the credentials Secret and the stream; a change of one is one write', async () => {
    const header = { name: 'x-token', valueFrom: { secretKeyRef: { name: 'saas', key: 'token' } } };
    put('secrets', 'saas', { data: { token: 'b25l', unused: 'dHdv' } });
    putServer('far', { remote: { url: 'https://far.example/mcp', headers: [header] } });
    putHub();
    await start();
    const id = credentialKey('n', 'saas', 'token');
    expect(live('secrets', 'h-credentials')?.data).toEqual({ [id]: 'b25l' });
    expect(published.at(-1)?.credentials.values).toEqual({ [id]: 'b25l' });
    const hash = published.at(-1)?.credentials.hash;
    const before = written().length;
    put('secrets', 'saas', { data: { token: 'bmV3', unused: 'dHdv' } });
    await settle();
    expect(published.at(-1)?.credentials.values).toEqual({ [id]: 'bmV3' });
    expect(published.at(-1)?.credentials.hash).not.toBe(hash);
    expect(written().slice(before)).toContain('merge Secret/h-credentials');
    expect(published.at(-1)?.document.generation).toBe(1);
    expect(JSON.stringify([live('hubs', 'h')?.status, published.at(-1)?.document, events])).not.toContain('bmV3');
  });

  test('a bridge token arrives after the hub: its value follows without a new document', async () => {
    putServer();
    putHub();
    await start();
    expect(published.at(-1)?.credentials.values).toEqual({});
    put(
      'secrets',
      'a-bridge',
      { data: { token: 'dG9r' } },
      { labels: { 'app.kubernetes.io/managed-by': 'quaymaster', 'quaymaster.dev/server': 'a' } },
    );
    await settle();
    expect(Object.values(published.at(-1)?.credentials.values ?? {})).toEqual(['dG9r']);
    expect(published.at(-1)?.document.generation).toBe(1);
  });

  test('many new servers: values are on the stream at once, and few writes of the Secret', async () => {
    const names = Array.from({ length: 12 }, (_, i) => `s${i}`);
    for (const name of names) putServer(name);
    putHub();
    await start();
    const before = written().length;
    const own = { 'app.kubernetes.io/managed-by': 'quaymaster' };
    for (const [i, name] of names.entries()) {
      put(
        'secrets',
        `${name}-bridge`,
        { data: { token: 'dG9r' } },
        { labels: { ...own, 'quaymaster.dev/server': name } },
      );
      await settle(100);
      expect(Object.keys(published.at(-1)?.credentials.values ?? {})).toHaveLength(i + 1);
    }
    await settle(1500);
    expect(Object.keys(live('secrets', 'h-credentials')?.data ?? {})).toHaveLength(12);
    expect(
      written()
        .slice(before)
        .filter((each) => each === 'merge Secret/h-credentials').length,
    ).toBeLessThan(5);
  });

  test('endpoints of servers are published as they come and go', async () => {
    putServer();
    putHub();
    await start();
    const slice = (ready: boolean) =>
      put(
        'endpointSlices',
        'a-server-x',
        { endpoints: [{ addresses: ['10.1.0.1'], conditions: { ready } }], ports: [{ name: 'mcp', port: 7575 }] },
        {
          labels: {
            'app.kubernetes.io/managed-by': 'quaymaster',
            'quaymaster.dev/server': 'a',
            'kubernetes.io/service-name': 'a-server',
          },
        },
      );
    expect(published.at(-1)?.endpoints).toEqual({ 'n/a': [] });
    slice(false);
    await settle(100);
    expect(published.at(-1)?.endpoints).toEqual({ 'n/a': [{ address: '10.1.0.1:7575', state: 'starting' }] });
    slice(true);
    await settle(100);
    expect(published.at(-1)?.endpoints).toEqual({ 'n/a': [{ address: '10.1.0.1:7575', state: 'ready' }] });
    expect(published.at(-1)?.document.generation).toBe(1);
  });

  test('another authority reaches the config Secret', async () => {
    putServer();
    putHub();
    await start();
    ca = 'PEM 2';
    for (const listener of authorities) listener();
    await settle();
    expect(Buffer.from(live('secrets', 'h-config')?.data?.['ca.crt'] ?? '', 'base64').toString()).toBe('PEM 2');
    expect(document().generation).toBe(1);
  });

  test('EF-30 the sealing key: asked for by an annotation, announced, replaced, dropped', async () => {
    putServer();
    putHub();
    await start();
    const key = (name: string) => Buffer.from(live('secrets', 'h-sealing')?.data?.[name] ?? '', 'base64')[0];
    const first = key('current');
    put('hubs', 'h', {}, { annotations: { 'quaymaster.dev/rotate-sealing': 'today' } });
    await settle(200);
    const next = key('previous');
    expect([key('current'), next]).toEqual([first, next]);
    expect(next).not.toBe(first);
    await settle(1500);
    expect([key('current'), key('previous')]).toEqual([next, first]);
    await settle(6000);
    expect([key('current'), key('previous')]).toEqual([next, undefined]);
    const before = cluster.writes.length;
    cluster.resync();
    await settle(10_000);
    expect(cluster.writes.length).toBe(before);
  });

  test("a stranger's Secret or object is left alone, said, and out of the way again when it goes", async () => {
    putServer();
    put('secrets', 'h-config', { data: { mine: 'eWVz' } });
    putHub();
    await start();
    expect(condition('Ready')).toMatchObject({ status: 'False', reason: 'NameTaken' });
    expect(condition('Ready')?.message).toContain('Secret h-config');
    expect(short()).toMatchObject({
      Stalled: 'True/NameTaken',
      Reconciling: 'False/Settled',
      Degraded: 'True/NameTaken',
    });
    expect(live('secrets', 'h-config')?.data).toEqual({ mine: 'eWVz' });
    expect(live('deployments', 'h-hub')).toBeUndefined();
    expect(events.map(({ type, reason }) => `${type} ${reason}`)).toContain('Warning NameTaken');
    cluster.remove(resources.secrets, 'n/h-config');
    await settle();
    expect(live('deployments', 'h-hub')).toBeDefined();
    await serving();
    expect(short()).toMatchObject({ Ready: 'True/Ready', Stalled: 'False/Settled', Degraded: 'False/Healthy' });
  });

  test('quota and refusals are conditions; the rest goes on; it is tried again by itself', async () => {
    putServer();
    putHub();
    let refused: Error | undefined = status(403, 'exceeded quota: small');
    cluster.intercept = (verb, resource, name) =>
      verb === 'apply' && resource.kind === 'Service' && name === 'h-hub' ? refused : undefined;
    await start();
    await serving();
    expect(short()).toMatchObject({ Ready: 'True/Ready', Degraded: 'True/QuotaExceeded' });
    expect(condition('Degraded')?.message).toContain('Service h-hub: exceeded quota: small');
    expect(live('deployments', 'h-hub')).toBeDefined();
    refused = undefined;
    await settle(11_000);
    expect(short()).toMatchObject({ Degraded: 'False/Healthy' });
  });

  test('what passes by itself is an error for the queue, and no condition', async () => {
    putServer();
    putHub();
    let refused: Error | undefined = status(500, 'etcd is away');
    cluster.intercept = (verb, _resource, name) =>
      verb === 'create' && name === 'h-credentials' ? refused : undefined;
    await start();
    expect(short()).toMatchObject({ Degraded: 'False/Healthy', Ready: 'False/NotAcknowledged' });
    refused = undefined;
    await settle(3000);
    expect(live('deployments', 'h-hub')).toBeDefined();
  });

  test('Pods that cannot run are the reason when nobody serves, and a fault when somebody does', async () => {
    putServer();
    putHub();
    await start();
    const waiting = {
      containerStatuses: [
        { name: 'hub', image: 'gone:1', state: { waiting: { reason: 'ImagePullBackOff', message: 'not found' } } },
      ],
    };
    putPod('p1', false, waiting);
    await settle();
    expect(condition('Ready')).toMatchObject({ status: 'False', reason: 'ImagePullFailed' });
    expect(condition('Ready')?.message).toContain('gone:1');
    putPod('p22');
    await settle();
    say('p22');
    await settle();
    expect(short()).toMatchObject({
      Ready: 'True/Ready',
      Programmed: 'False/NotAcknowledged',
      Degraded: 'True/ImagePullFailed',
    });
  });

  test('servers that replicas see differently: a fault of one counts, a late start does not', async () => {
    putServer();
    putHub();
    await start();
    await serving();
    say('p22', {}, 'Starting');
    await settle(1000);
    expect(statusOf().servers?.summary).toBe('1/1');
    say('p22', {}, 'Degraded');
    await settle(1000);
    expect(statusOf().servers?.summary).toBe('0/1');
    expect(short()).toMatchObject({ Degraded: 'True/ServersNotReady', Ready: 'True/Ready' });
  });

  test('without the Gateway API there is a condition and no route; Ingress needs nothing', async () => {
    putServer();
    putHub({ exposure: { gatewayRef: { name: 'public' }, hosts: ['h.example'] } });
    await start();
    expect(live('httpRoutes', 'h-hub')).toBeDefined();
    putHub({ exposure: { ingress: {}, hosts: ['h.example'] } });
    await settle();
    expect(live('httpRoutes', 'h-hub')).toBeUndefined();
    expect(live('ingresses', 'h-hub')).toBeDefined();
    expect(published.at(-1)?.document.hosts).toContain('h.example');
  });

  test('drift of an object is repaired at once', async () => {
    putServer();
    putHub();
    await start();
    put('services', 'h-hub', { spec: { type: 'ClusterIP', selector: { other: 'pods' } } });
    await settle(200);
    expect(JSON.stringify(live('services', 'h-hub')?.spec)).toContain('"quaymaster.dev/hub":"h"');
    cluster.remove(resources.deployments, 'n/h-hub');
    await settle(200);
    expect(live('deployments', 'h-hub')).toBeDefined();
  });

  test('a hub that goes is forgotten; one of the same name is another', async () => {
    putServer();
    putHub();
    await start();
    await serving();
    put('hubs', 'h', {}, { deletionTimestamp: 'now' });
    const before = cluster.writes.length;
    await settle();
    expect(cluster.writes.length).toBe(before);
    cluster.remove(resources.hubs, 'n/h');
    await settle();
    expect(forgotten).toEqual(['n/h']);
  });

  test('a recreated hub waits for the Secrets of the former one to go', async () => {
    putServer();
    putHub();
    await start();
    const former = live('secrets', 'h-sealing')?.data;
    cluster.remove(resources.hubs, 'n/h');
    putHub({}, { uid: 'another' });
    await settle();
    expect(live('secrets', 'h-sealing')?.data).toEqual(former);
    expect(short()).not.toMatchObject({ Stalled: 'True/NameTaken' });
    for (const name of ['h-sealing', 'h-credentials', 'h-config']) cluster.remove(resources.secrets, `n/${name}`);
    await settle(2000);
    expect(live('secrets', 'h-sealing')?.metadata.ownerReferences?.[0]?.uid).toBe('another');
    expect(live('secrets', 'h-sealing')?.data).not.toEqual(former);
  });

  test('who may be a replica: a Pod of this hub, by the cache', async () => {
    putServer();
    putHub();
    await start();
    putPod('p1');
    const may = createHubAuthorizer(world);
    const pod = { namespace: 'n', serviceAccount: 'h-hub', name: 'p1', uid: uidOf('p1') };
    expect(may('n/h', pod)).toBe(true);
    expect(may('n/other', pod)).toBe('unknownHub');
    expect(may('n/h', { ...pod, namespace: 'm' })).toBe(false);
    expect(may('n/h', { ...pod, uid: 'x' })).toBe(false);
    putPod('p1', true, { phase: 'Failed' });
    expect(may('n/h', pod)).toBe(false);
  });
});
