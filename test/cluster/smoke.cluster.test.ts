/** Level control works: a real control plane, simulated nodes. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startCluster } from './index.ts';
import type { Cluster } from './index.ts';
import * as steps from './smoke-steps.ts';

let cluster: Cluster;
let kubectl: Cluster['kubectl'];
const work = mkdtempSync(join(tmpdir(), 'qm-smoke-'));

beforeAll(async () => {
  cluster = await startCluster({ level: 'control', name: 'smoke', audit: true });
  kubectl = steps.inNamespace(cluster);
  await steps.makeNamespace(cluster);
});

afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
  rmSync(work, { recursive: true, force: true });
});

test('HT-I3 the server is the version that the module pins', async () => {
  const answer = await cluster.request({ method: 'GET', path: '/version' });
  expect(answer.body).toMatchObject({ major: '1', minor: cluster.maker === 'self' ? '36' : expect.any(String) });
});

test('HT-I3 a stale writer of a Lease is refused', () => steps.leaseConflict(cluster));
test('HT-I3 a CRD with CEL rules, a transition rule and status', () => steps.definitionWithRules(cluster));
test('HT-I3 garbage collection by ownerReference', () => steps.garbageCollection(cluster));

test('HT-I3 fifty simulated Pods are Available', async () => {
  await kubectl(['create', 'deployment', 'many', '--image=none:1', '--replicas=50']);
  await kubectl(['rollout', 'status', 'deployment/many', '--timeout=60s']);
  expect(await kubectl(['get', 'deployment', 'many', '-o', 'jsonpath={.status.availableReplicas}'])).toBe('50');
});

test('HT-I3 a chart is installed, waited for and removed', async () => {
  const helm = (...args: string[]) => execFileSync('helm', args, { env: cluster.env, stdio: 'pipe', encoding: 'utf8' });
  helm('create', join(work, 'chart'));
  helm('-n', steps.namespace, 'install', 'release', join(work, 'chart'), '--wait', '--timeout', '60s');
  expect(helm('-n', steps.namespace, 'list', '--short').trim()).toBe('release');
  helm('-n', steps.namespace, 'uninstall', 'release', '--wait');
});

test('HT-I3 optional definitions are served', async () => {
  await cluster.installCrds('gateway-api', 'prometheus');
  expect(await kubectl(['get', 'httproutes,servicemonitors', '-o', 'name'])).toBe('');
});

test('HT-I3 writes are counted by the API server: no reads, no dry runs', async () => {
  const since = new Date();
  await kubectl(['create', 'configmap', 'counted']);
  await kubectl(['create', 'configmap', 'dry', '--dry-run=server']);
  await kubectl(['get', 'configmap', 'counted']);
  const ours = (await cluster.auditWrites(since)).filter((event) => event.userAgent.startsWith('kubectl'));
  expect(ours).toMatchObject([
    { verb: 'create', resource: 'configmaps', namespace: steps.namespace, name: 'counted', code: 201 },
  ]);
  const reads = (await cluster.audit(since)).filter((event) => event.verb === 'get' && event.name === 'counted');
  expect(reads).toHaveLength(1);
});

test('HT-I3 namespace deletion finishes', () => steps.namespaceGoes(cluster));
test('HT-I3 kill -9 of the API server and restart', () => steps.apiServerRestart(cluster));

test('HT-I3 a stopped component answers again after CONT', async () => {
  await cluster.kill('kube-controller-manager', 'STOP');
  await kubectl(['create', 'deployment', 'later', '--image=none:1']);
  await cluster.kill('kube-controller-manager', 'CONT');
  await steps.within(60, async () => {
    expect(await kubectl(['get', 'deployment', 'later', '-o', 'jsonpath={.status.availableReplicas}'])).toBe('1');
  });
});
