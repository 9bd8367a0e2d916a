/**
 * The control stream against a real API server: projected-like tokens bound to Pods, verdicts of the real TokenReview, the certificate
 * Secret under two leaders, and a whole fleet that comes back at once.
 */
import { createPrivateKey, sign, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { type Cluster, startCluster } from '@quaymaster/cluster';
import { hubDocument, type HubConfig } from '@quaymaster/crds';
import { createFleet, fairMs, type FleetPod } from '@quaymaster/testkit';
import { silentLogger, systemClock } from 'quaymaster/base';
import { afterAll, beforeAll, expect, test } from 'vitest';

import {
  type ControlAuthority,
  type ControlMetrics,
  type ControlServer,
  createControlAuthority,
  createControlServer,
  type HubPublication,
} from '../src/control/index.ts';
import { createKubeClient, createTransport, type KubeClient, type Transport } from '../src/kube/index.ts';
import { adminEndpoint, countingMetrics, eventually } from './support/world.ts';

const audience = 'quaymaster.dev/control';
const namespace = 'qm-control';
const hub = `${namespace}/h`;

let cluster: Cluster;
let transport: Transport;
let client: KubeClient;
const stop = new AbortController();
const running: Promise<void>[] = [];
const authorities: ControlAuthority[] = [];
const metrics = countingMetrics();
const operators: { readonly server: ControlServer; port: number; isLeader: boolean }[] = [];
const pods = new Map<string, { readonly uid: string; readonly ip: string }>();

const podCount = 100;
const nameOf = (at: number): string => `h-${String(at).padStart(3, '0')}`;

beforeAll(async () => {
  cluster = await startCluster({ level: 'control', name: 'control', fakeNodes: 1, audit: true });
  const objects = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'h-hub', namespace } },
    ...Array.from({ length: podCount }, (_, at) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: nameOf(at), namespace, labels: { app: 'hub' } },
      spec: { serviceAccountName: 'h-hub', containers: [{ name: 'hub', image: 'hub:1' }] },
    })),
  ];
  await cluster.apply(objects.map((object) => JSON.stringify(object)).join('\n---\n'));
  await cluster.kubectl(['wait', '-n', namespace, '--for=condition=Ready', 'pod', '-l', 'app=hub', '--timeout=60s']);
  const listed = await cluster.request({ method: 'GET', path: `/api/v1/namespaces/${namespace}/pods` });
  for (const { metadata, status } of (listed.body as { items: PodObject[] }).items)
    pods.set(metadata.name, { uid: metadata.uid, ip: status.podIP });

  transport = createTransport({
    endpoint: await adminEndpoint(cluster),
    clock: systemClock,
    userAgent: 'control-test',
  });
  client = createKubeClient(transport, { urgent: true });
});

interface PodObject {
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly status: { readonly podIP: string };
}

afterAll(async () => {
  stop.abort();
  for (const { server } of operators) await server.close();
  await Promise.all(running);
  await transport?.close();
  await cluster?.[Symbol.asyncDispose]();
});

function startAuthority(isLeader: () => boolean): ControlAuthority {
  const authority = createControlAuthority({
    client,
    namespace,
    clusterDomain: 'cluster.local',
    clock: systemClock,
    logger: silentLogger,
    isLeader,
  });
  running.push(authority.run(stop.signal));
  authorities.push(authority);
  return authority;
}

async function startOperator(isLeader: boolean): Promise<(typeof operators)[number]> {
  const [authority] = authorities;
  if (authority === undefined) throw new Error('no authority');
  const operator = { isLeader, port: 0 } as { server: ControlServer; port: number; isLeader: boolean };
  operator.server = createControlServer({
    clock: systemClock,
    logger: silentLogger,
    metrics: metrics as unknown as ControlMetrics,
    client,
    audience,
    tls: authority.tls,
    port: 0,
    host: '127.0.0.1',
    isLeader: () => operator.isLeader,
    leaderAddress: () => {
      const leader = operators.find((each) => each.isLeader);
      return leader === undefined ? undefined : `127.0.0.1:${leader.port}`;
    },
    authorize: (name, pod) => name === hub && pod.serviceAccount === 'h-hub',
  });
  operator.port = (await operator.server.listen()).port;
  operators.push(operator);
  return operator;
}

/** As the kubelet asks for it. */
async function tokenFor(pod: string | undefined, forAudience = audience): Promise<string> {
  const uid = pods.get(pod ?? '')?.uid;
  const boundObjectRef = pod === undefined ? undefined : { apiVersion: 'v1', kind: 'Pod', name: pod, uid };
  const answer = await cluster.request({
    method: 'POST',
    path: `/api/v1/namespaces/${namespace}/serviceaccounts/h-hub/token`,
    body: {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { audiences: [forAudience], expirationSeconds: 3_600, boundObjectRef },
    },
  });
  expect(answer.status).toBe(201);
  return (answer.body as { status: { token: string } }).status.token;
}

/** The same claims with another end, signed with the cluster's own key. */
function resigned(token: string, exp: number): string {
  const key = createPrivateKey(readFileSync(join(dirname(cluster.kubeconfig), 'pki/sa.key')));
  const [head = '', payload = ''] = token.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { iat: number; nbf: number };
  const times = { iat: exp - 3_600, nbf: exp - 3_600, exp };
  const text = `${head}.${Buffer.from(JSON.stringify({ ...claims, ...times })).toString('base64url')}`;
  return `${text}.${sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

function podOf(name: string, token: FleetPod['token']): FleetPod {
  const pod = pods.get(name);
  if (pod === undefined) throw new Error(`no Pod ${name}`);
  return { hub, name, ...pod, token };
}

/** How a dial with this token ends: `accepted`, or the code of its end. */
async function dial(port: number, pod: FleetPod): Promise<number | 'accepted'> {
  await using fleet = createFleet({
    address: `127.0.0.1:${port}`,
    ca: () => authorities[0]?.ca() ?? '',
    retryMs: { min: 60_000, max: 60_000 },
  });
  fleet.add(pod);
  await eventually('an answer', () =>
    fleet.states().some(({ running: runs, closed }) => (runs ?? closed) !== undefined),
  );
  const [state] = fleet.states();
  return state?.running === undefined ? (state?.closed?.code ?? 0) : 'accepted';
}

function published(generation: number, bytes: number): HubPublication {
  const config = { namespace, name: 'h', hash: `g${generation}`, servers: [] } as unknown as HubConfig;
  return {
    document: hubDocument({ generation, config, addresses: {}, hosts: ['x'.repeat(bytes)] }),
    credentials: { hash: 'c', values: {} },
    peers: [],
    endpoints: {},
  };
}

test('two operators that both believe to lead end with one certificate authority in one Secret', async () => {
  const since = new Date();
  const [one, two] = [startAuthority(() => true), startAuthority(() => true)];
  await Promise.all([one.ready(), two.ready()]);
  expect(one.ca()).toBe(two.ca());
  expect(one.tls()).toEqual(two.tls());
  const created = (await cluster.auditWrites(since)).filter(({ code, verb }) => verb === 'create' && code === 201);
  expect(created).toHaveLength(1);
  const cert = new X509Certificate(one.tls().cert);
  expect(cert.checkHost(`quaymaster-operator-control.${namespace}.svc.cluster.local`)).toBeDefined();
  const late = startAuthority(() => false);
  await late.ready();
  expect(late.ca()).toBe(one.ca());
});

test('a token bound to a Pod, for our audience, gets a stream and its document', async () => {
  const leader = await startOperator(true);
  await startOperator(false);
  leader.server.publish(hub, published(1, 10));
  expect(await dial(leader.port, podOf('h-000', await tokenFor('h-000')))).toBe('accepted');
});

test('refused by the real TokenReview: another audience, no Pod, another Pod, expired, of a Pod that is gone', async () => {
  const port = operators[0]?.port ?? 0;
  expect(await dial(port, podOf('h-000', await tokenFor('h-000', 'somebody.else')))).toBe(4003);
  expect(await dial(port, podOf('h-000', await tokenFor(undefined)))).toBe(4003);
  expect(await dial(port, podOf('h-000', await tokenFor('h-001')))).toBe(4003);
  const token = await tokenFor('h-002');
  const now = Math.floor(Date.now() / 1_000);
  expect(await dial(port, podOf('h-002', resigned(token, now - 60)))).toBe(4003);
  // The same way of signing with time left is good: it was the end that was wrong.
  expect(await dial(port, podOf('h-002', resigned(token, now + 600)))).toBe('accepted');
  const [kept, gone] = [await tokenFor('h-003'), podOf('h-003', '')];
  await cluster.kubectl(['delete', 'pod', '-n', namespace, 'h-003', '--now', '--wait=true']);
  await eventually(
    'the token of a deleted Pod is refused',
    async () => (await dial(port, { ...gone, token: `${kept}` })) === 4003,
  );
});

test('HT-3.19 a standby points to the leader, and the office moves with the streams', async () => {
  const [first, second] = operators;
  if (first === undefined || second === undefined) throw new Error('two operators');
  await using fleet = createFleet({
    address: `127.0.0.1:${second.port}`,
    ca: () => authorities[0]?.ca() ?? '',
    retryMs: { min: 20, max: 100 },
  });
  fleet.add(podOf('h-004', await tokenFor('h-004')));
  await eventually('with the leader', () => first.server.replicas(hub).length === 1);
  expect(fleet.states()[0]?.closed?.code).toBe(4001);
  first.isLeader = false;
  second.isLeader = true;
  second.server.publish(hub, published(1, 10));
  const took = await eventually('with the new leader', () => second.server.replicas(hub).length === 1);
  expect(took).toBeLessThan(fairMs(5_000));
  expect(second.server.replicas(hub)[0]?.acknowledged?.generation).toBe(1);
  first.isLeader = true;
  second.isLeader = false;
});

test('HT-3.19 a hundred replicas come back within 3 s, and a megabyte reaches all of them in one', async () => {
  const leader = operators[0];
  if (leader === undefined) throw new Error('no operator');
  const names = [...pods.keys()].filter((name) => name !== 'h-003');
  const tokens = new Map<string, string>();
  for (const name of names) tokens.set(name, await tokenFor(name));
  await using fleet = createFleet({
    address: `127.0.0.1:${leader.port}`,
    ca: () => authorities[0]?.ca() ?? '',
    retryMs: { min: 20, max: 200 },
    dialsAtOnce: 200,
  });
  const allRun = (generation: number): boolean =>
    leader.server.replicas(hub).filter(({ acknowledged }) => acknowledged?.generation === generation).length ===
    names.length;
  const started = performance.now();
  for (const name of names) fleet.add(podOf(name, tokens.get(name) ?? ''));
  await eventually('all run the document', () => allRun(1));
  const first = performance.now() - started;

  const reviews = metrics.sum('quaymaster_control_reviews_total', { result: 'accepted' });
  const cut = performance.now();
  fleet.cut();
  await eventually('all noticed', () => leader.server.replicas(hub).length < names.length / 2);
  await eventually('all are back', () => allRun(1));
  const back = performance.now() - cut;
  expect(metrics.sum('quaymaster_control_reviews_total', { result: 'accepted' })).toBe(reviews);

  const before = performance.now();
  leader.server.publish(hub, published(2, 1_000_000));
  await eventually('all run the large one', () => allRun(2));
  const large = performance.now() - before;
  process.stdout.write(
    `control: ${names.length} first dials ${first.toFixed(0)} ms, back ${back.toFixed(0)} ms, 1 MB to all ${large.toFixed(0)} ms\n`,
  );
  expect(first).toBeLessThan(fairMs(6_000));
  expect(back).toBeLessThan(fairMs(3_000));
  expect(large).toBeLessThan(fairMs(5_000));
});

test('a Secret deleted by hand comes back with a new authority, and streams live on', async () => {
  const [authority] = authorities;
  const leader = operators[0];
  if (authority === undefined || leader === undefined) throw new Error('no operator');
  await using fleet = createFleet({
    address: `127.0.0.1:${leader.port}`,
    ca: () => authority.ca(),
    retryMs: { min: 20, max: 100 },
  });
  fleet.add(podOf('h-005', await tokenFor('h-005')));
  await eventually('a stream', () => leader.server.replicas(hub).length === 1);
  const before = authority.ca();
  let told = 0;
  authority.onChange(() => {
    told += 1;
  });
  await cluster.kubectl(['delete', 'secret', '-n', namespace, 'quaymaster-operator-control']);
  authority.poke();
  await eventually('a new authority', () => authority.ca() !== before);
  expect(told).toBe(1);
  expect(leader.server.replicas(hub)).toHaveLength(1);
  // Served within a sweep; who trusts the new authority gets in.
  await eventually(
    'served',
    async () => (await dial(leader.port, podOf('h-006', await tokenFor('h-006')))) === 'accepted',
  );
});
