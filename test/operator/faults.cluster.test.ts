/**
 * Bad days of a whole cluster, with the operator as processes and hub Pods played by the fleet: nothing is lost, nothing is written twice, no
 * healthy Pod is touched, and everything is as declared afterwards. Each test begins and ends with two replicas of the operator and all Ready.
 */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Cluster, startCluster } from '@quaymaster/cluster';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { createHubFleet, type HubFleet } from './hub-fleet.ts';
import {
  eventually,
  installOperator,
  operatorNamespace,
  type OperatorProcess,
  startOperatorProcess,
} from './operator-process.ts';

const account = `system:serviceaccount:${operatorNamespace}:quaymaster-operator`;
const ordinary = /^((update|get) leases|create (tokenreviews|events)|patch events) /;
const servers = ['one', 'two', 'three'];
const hubPath = '/apis/quaymaster.dev/v1alpha1/namespaces/team/mcphubs/desk';
const downMs = Number(process.env['QM_DOWN_SECONDS'] ?? 30) * 1000;

let cluster: Cluster;
let hubs: HubFleet;
/** Those that run. */
let operators: OperatorProcess[] = [];
let started = 0;

interface Hub {
  readonly status?: {
    readonly observedConfig?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

const manifests = `apiVersion: quaymaster.dev/v1alpha1
kind: McpHub
metadata: {name: desk, namespace: team}
spec: {servers: {selector: {}}, auth: {mode: none}, replicas: 2}
${servers
  .map(
    (name) => `---
apiVersion: quaymaster.dev/v1alpha1
kind: McpServer
metadata: {name: ${name}, namespace: team}
spec: {source: {npm: {package: '@modelcontextprotocol/server-memory', version: 2026.8.31}}}`,
  )
  .join('\n')}`;

async function start(): Promise<OperatorProcess> {
  const settings = { logLevel: 'info', render: { hubDrainSeconds: 1 } };
  const operator = await startOperatorProcess(cluster, { name: `operator-${++started}`, settings });
  operators.push(operator);
  return operator;
}

/** As a kubelet would: what has ended, or does so in a moment, is started again. */
async function restartEnded(limitMs: number): Promise<void> {
  for (const operator of operators.slice()) {
    const ended = await Promise.race([operator.ended, sleep(limitMs)]);
    if (ended === undefined) continue;
    operators = operators.filter((each) => each !== operator);
    await operator[Symbol.asyncDispose]();
    await start();
  }
}

async function hub(): Promise<Hub> {
  const { status, body } = await cluster.request({ method: 'GET', path: hubPath });
  return status === 200 ? (body as Hub) : {};
}

const generation = (of: Hub): number => Number(/at generation (\d+)$/.exec(of.status?.observedConfig ?? '')?.[1] ?? 0);

async function allReady(limitMs: number): Promise<number> {
  let text = '';
  const conditions = async (): Promise<boolean> => {
    text = await cluster.kubectl(['get', 'mcphub,mcpserver', '-n', 'team', '-o', 'json']).catch(() => '{"items":[]}');
    const { items } = JSON.parse(text) as { readonly items: readonly Hub[] };
    return (
      items.length === servers.length + 1 &&
      items.every(({ status }) => status?.conditions?.some((each) => each.type === 'Ready' && each.status === 'True'))
    );
  };
  return await eventually('all Ready', limitMs, conditions).catch((error: unknown) => {
    const { items } = JSON.parse(text) as { readonly items: readonly Hub[] };
    throw new Error(`${String(error)}: ${JSON.stringify(items.map(({ status }) => status))}`);
  });
}

async function edit(instructions: string): Promise<void> {
  const { status } = await cluster.request({
    method: 'PATCH',
    path: hubPath,
    contentType: 'application/merge-patch+json',
    body: { spec: { instructions } },
  });
  expect(status).toBe(200);
}

/** Every replica runs this generation, and it has been counted. */
async function acknowledged(above: number, limitMs: number): Promise<number> {
  return await eventually(`a generation above ${above} acknowledged`, limitMs, async () => {
    const states = hubs.fleet.states();
    const now = generation(await hub().catch(() => ({})));
    return now > above && states.length === 2 && states.every(({ running }) => running?.generation === now);
  });
}

const podsOf = async (): Promise<string> =>
  await cluster.kubectl(['get', 'pods', '-n', 'team', '-o', 'jsonpath={range .items[*]}{.metadata.uid}{"\\n"}{end}']);

async function writes(since: Date): Promise<string[]> {
  return (await cluster.auditWrites(since))
    .filter((event) => event.user === account && event.code < 400)
    .map((event) => `${event.verb} ${event.resource} ${event.namespace ?? ''}/${event.name ?? ''}`)
    .filter((line) => !ordinary.test(line));
}

const serves = async (): Promise<void> => {
  await eventually('the API server serves', 60_000, async () => {
    return (await cluster.kubectl(['get', '--raw', '/readyz']).catch(() => '')) === 'ok';
  });
};
const sleep = (ms: number): Promise<undefined> =>
  new Promise((resolve) => {
    setTimeout(() => resolve(undefined), ms);
  });
const leaderOf = async (): Promise<OperatorProcess> => {
  let found: OperatorProcess | undefined;
  await eventually('somebody leads', 30_000, async () => {
    const holder = await cluster
      .kubectl([
        'get',
        'lease',
        'quaymaster-operator',
        '-n',
        operatorNamespace,
        '-o',
        'jsonpath={.spec.holderIdentity}',
      ])
      .catch(() => '');
    found = operators.find(({ name }) => holder.startsWith(`${name}_`));
    return found !== undefined;
  });
  return found as OperatorProcess;
};
const took = (what: string, ms: number): void => console.log(`${what}: ${(ms / 1000).toFixed(1)} s`);

beforeAll(async () => {
  // Nobody tells simulated Pods that they are Ready again after their node was thought lost.
  const flags = { controllerManager: ['--node-monitor-grace-period=600s'] };
  cluster = await startCluster({ level: 'control', name: 'faults', audit: true, flags });
  await installOperator(cluster);
  hubs = createHubFleet(cluster, () => operators);
  hubs.follow();
  await (await start()).ready();
  await (await start()).ready();
  await cluster.kubectl(['create', 'namespace', 'team']);
  await cluster.apply(manifests);
  await allReady(60_000);
});

afterAll(async () => {
  await hubs?.[Symbol.asyncDispose]();
  for (const operator of operators) await operator[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
});

beforeEach(async () => {
  await allReady(30_000);
});

test('EF-57 the API server is away: hubs keep what they run; afterwards nothing is written, and no Pod is another one', async () => {
  const pods = await podsOf();
  const before = await hub();
  await cluster.kill('kube-apiserver');
  await sleep(downMs);
  expect(hubs.fleet.states().map(({ running }) => running?.generation)).toEqual([
    generation(before),
    generation(before),
  ]);
  await cluster.restart('kube-apiserver');
  const since = new Date();
  await serves();
  const back = performance.now();
  await restartEnded(1000);
  await eventually('streams are back', 60_000, () => hubs.fleet.states().every(({ connected }) => connected));
  took('API server away, streams back after', performance.now() - back);
  await allReady(60_000);
  await sleep(12_000);
  expect(await writes(since)).toEqual([]);
  expect(await podsOf()).toBe(pods);
  expect((await hub()).status).toEqual(before.status);
  const edited = performance.now();
  await edit('after the outage');
  await acknowledged(generation(before), 30_000);
  took('first edit after it acknowledged in', performance.now() - edited);
  expect(performance.now() - edited).toBeLessThan(5000);
});

test('the ServiceAccount token is rotated and the old one revoked: nobody notices', async () => {
  const leader = await leaderOf();
  const since = new Date();
  for (const operator of operators) await operator.rotateToken();
  // The API server remembers a good token for ten seconds.
  await sleep(11_000);
  const before = generation(await hub());
  await edit('with another token');
  await acknowledged(before, 10_000);
  expect(await leaderOf()).toBe(leader);
  expect(leader.log()).not.toMatch(/lost the lease|"level":"error"/);
  const refused = (await cluster.audit(since)).filter((event) => event.user === account && event.code === 403);
  expect(refused).toEqual([]);
});

test('HT-3.19 the leader is paused: another one leads in time, and the paused one writes nothing when it wakes', async () => {
  const leader = await leaderOf();
  const before = generation(await hub());
  leader.signal('SIGSTOP');
  const stopped = performance.now();
  await eventually('another one leads', 15_000, async () => (await leaderOf()) !== leader);
  took('leader paused, another one leads after', performance.now() - stopped);
  await edit('while it sleeps');
  // Hubs hold on to a stream that says nothing for 25 s.
  await acknowledged(before, 45_000);
  took('leader paused, an edit is acknowledged after', performance.now() - stopped);
  await allReady(30_000);
  await sleep(2000);
  const since = new Date();
  leader.signal('SIGCONT');
  expect(await leader.ended).toBe(1);
  await sleep(1000);
  expect(await writes(since)).toEqual([]);
  await restartEnded(100);
});

test('the definitions are deleted and applied again: everything goes and comes, in one process', async () => {
  const leader = await leaderOf();
  await cluster.kubectl(['delete', 'crd', 'mcphubs.quaymaster.dev', 'mcpservers.quaymaster.dev', '--timeout=60s']);
  await eventually('all objects are gone', 60_000, async () => {
    const what = 'deployment,service,secret,networkpolicy,poddisruptionbudget,pod';
    return (
      (await cluster.kubectl([
        'get',
        what,
        '-n',
        'team',
        '-l',
        'app.kubernetes.io/managed-by=quaymaster',
        '-o',
        'name',
      ])) === ''
    );
  });
  for (const kind of ['mcphubs', 'mcpservers'])
    await cluster.apply(readFileSync(join(import.meta.dirname, `../../crds/generated/crd/${kind}.yaml`), 'utf8'));
  await cluster.kubectl(['wait', '--for=condition=Established', '--timeout=30s', 'crd', '--all']);
  const applied = performance.now();
  await cluster.apply(manifests);
  await allReady(90_000);
  took('definitions deleted and applied again, all Ready after', performance.now() - applied);
  expect(await leaderOf()).toBe(leader);
});

// Last: it throws the cluster back in time.
test('HT-0.05 etcd is restored from an older state: it is declared again what was, and no generation means two contents', async () => {
  const data = join(dirname(cluster.kubeconfig), 'etcd');
  const saved = await mkdtemp(join(tmpdir(), 'qm-etcd-'));
  const pods = await podsOf();
  const stop = async (): Promise<void> => {
    await cluster.kill('kube-apiserver');
    await cluster.kill('etcd');
  };
  const resume = async (): Promise<void> => {
    await cluster.restart('etcd');
    await cluster.restart('kube-apiserver');
    await serves();
    await restartEnded(3000);
  };
  try {
    await stop();
    await cp(data, saved, { recursive: true });
    await resume();
    await allReady(60_000);
    const before = generation(await hub());
    for (const text of ['later', 'later still']) {
      const now = generation(await hub());
      await edit(text);
      await acknowledged(now, 30_000);
    }
    const newest = generation(await hub());
    expect(newest).toBe(before + 2);
    await stop();
    await rm(data, { recursive: true });
    await cp(saved, data, { recursive: true });
    await resume();
    const back = performance.now();
    // The content of before, under a number that nothing had.
    await acknowledged(newest, 60_000);
    await allReady(60_000);
    took('etcd restored, all as declared after', performance.now() - back);
    expect(await podsOf()).toBe(pods);
  } finally {
    await rm(saved, { recursive: true });
  }
});
