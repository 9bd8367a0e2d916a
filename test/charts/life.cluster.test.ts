/**
 * A release from its first day to its last on a real API server: installed, upgraded from the chart before, rolled back, uninstalled, installed
 * again; with Helm 3, Helm 4, and a release of the one in the hands of the other. Pods are simulated; their rights are not.
 */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startCluster, type Cluster } from '@quaymaster/cluster';

import { eventually, startOperatorProcess } from '../operator/operator-process.ts';
import {
  crdsChart,
  type Helm,
  helms,
  type Manifest,
  operatorChart,
  release,
  root,
  systemNamespace,
} from './support/helm.ts';
import { firstChart, previousChart, type PreviousChart } from './support/previous-chart.ts';

const quickstart = join(root, 'examples/quickstart');
let cluster: Cluster;
let three: Helm;
let four: Helm;
/** Made by the cluster itself, at times of its own. */
const passing =
  /^(event|lease|endpoints|endpointslice|controllerrevision|configmap\/kube-root-ca|serviceaccount\/default$)/;

async function everything(): Promise<readonly string[]> {
  const all = await cluster.kubectl(['api-resources', '--verbs=list', '-o', 'name']);
  const kinds = all
    .trim()
    .split('\n')
    .filter((each) => !/^(events|apiservices)\b/.test(each))
    .join(',');
  const names = await cluster.kubectl(['get', kinds, '-A', '-o', 'name', '--ignore-not-found']);
  return names
    .split('\n')
    .map((name) => name.replace(/^([a-z]+)[^/]*\//, '$1/'))
    .filter((name) => name !== '' && !passing.test(name))
    .toSorted();
}

const here = ['--namespace', systemNamespace, '--wait', '--timeout', '90s'];
const install = (helm: Helm, chart: string, values: object = {}) =>
  helm.run(['install', release, chart, ...here], values);
const upgrade = (helm: Helm, chart: string, values: object = {}) =>
  helm.run(['upgrade', release, chart, ...here], values);
const uninstall = (helm: Helm) => helm.run(['uninstall', release, ...here]);

async function get(what: string, namespace = systemNamespace): Promise<Manifest> {
  return JSON.parse(await cluster.kubectl(['-n', namespace, 'get', what, '-o', 'json'])) as Manifest;
}
const uid = async (what: string, namespace?: string) => (await get(what, namespace)).metadata.uid;
const mayI = async (...words: readonly string[]) =>
  (
    await cluster
      .kubectl(['auth', 'can-i', ...words, `--as=system:serviceaccount:${systemNamespace}:quaymaster-operator`])
      .catch((error: unknown) => String(error))
  ).includes('yes');

/** What the API server would make of the definition in this checkout: it drops and orders some of it. */
async function declaredDefinition(plural: string): Promise<unknown> {
  const file = join(root, `crds/generated/crd/${plural}.yaml`);
  const dryRun = ['apply', '--server-side', '--force-conflicts', '--dry-run=server', '-o', 'json', '-f', file];
  return (JSON.parse(await cluster.kubectl(dryRun)) as Manifest).spec;
}

/** What users made must be there afterwards as it was. */
async function users(): Promise<Record<string, string | undefined>> {
  const hub = await uid('mcphubs.quaymaster.dev/desk', 'team');
  return { hub, server: await uid('mcpservers.quaymaster.dev/memory', 'team') };
}

beforeAll(async () => {
  cluster = await startCluster({ level: 'control', name: 'chart-life' });
  [three, four] = helms(cluster);
  await cluster.kubectl(['create', 'namespace', systemNamespace]);
  await cluster.kubectl(['label', 'namespace', systemNamespace, 'pod-security.kubernetes.io/enforce=restricted']);
  await cluster.kubectl(['create', 'namespace', 'team']);
});
afterAll(() => cluster?.[Symbol.asyncDispose]());

/** What a test that failed left, and definitions that were kept, would be in the way of the next one. */
afterEach(async () => {
  await four.run(['uninstall', release, '--namespace', systemNamespace, '--wait', '--ignore-not-found']);
  await cluster.kubectl(['delete', 'crd', 'mcphubs.quaymaster.dev', 'mcpservers.quaymaster.dev', '--ignore-not-found']);
});

describe.each([
  ['Helm 3, from the commit before', () => three, () => three, previousChart],
  // What Helm 4 installs by itself is in the tests below.
  ['Helm 3 first, Helm 4 then, from the first form', () => three, () => four, firstChart],
] as const)('%s', (_title, earlier, later, before) => {
  let previous: PreviousChart;
  beforeAll(() => {
    previous = before();
  });
  afterAll(() =>
    rmSync(previous.folder.slice(0, -'/charts/quaymaster-operator'.length), { recursive: true, force: true }),
  );

  test('EF-64 install, upgrade, roll back, uninstall: what users made stays, and nothing else does', async () => {
    const empty = await everything();
    await install(earlier(), previous.folder);
    await cluster.kubectl(['apply', '-n', 'team', '-f', quickstart]);
    const mine = await users();
    const operator = await uid('deployment/quaymaster-operator');

    await upgrade(later(), operatorChart);
    expect(await users(), `upgraded from ${previous.from}`).toEqual(mine);
    expect(await uid('deployment/quaymaster-operator')).toBe(operator);
    for (const plural of ['mcphubs', 'mcpservers'])
      expect((await get(`crd/${plural}.quaymaster.dev`)).spec).toEqual(await declaredDefinition(plural));
    const upgraded = await everything();

    await later().run(['rollback', release, '1', ...here]);
    expect(await users()).toEqual(mine);
    await upgrade(later(), operatorChart);
    expect(await users()).toEqual(mine);
    expect((await everything()).filter((each) => !/^(secret\/sh\.helm|pod|replicaset)/.test(each))).toEqual(
      upgraded.filter((each) => !/^(secret\/sh\.helm|pod|replicaset)/.test(each)),
    );

    await uninstall(later());
    const left = (await everything()).filter((each) => !empty.includes(each));
    expect(left).toEqual([
      'customresourcedefinition/mcphubs.quaymaster.dev',
      'customresourcedefinition/mcpservers.quaymaster.dev',
      'mcphub/desk',
      'mcpserver/everything',
      'mcpserver/files',
      'mcpserver/memory',
    ]);
    expect(await users()).toEqual(mine);

    await install(later(), operatorChart);
    expect(await users()).toEqual(mine);
    await uninstall(later());
  });
});

test('EF-64 without keep the definitions go, and all that was made of them', async () => {
  await install(four, operatorChart, { crds: { keep: false } });
  await cluster.kubectl(['apply', '-n', 'team', '-f', quickstart]);
  await uninstall(four);
  await expect(cluster.kubectl(['get', 'crd', 'mcphubs.quaymaster.dev'])).rejects.toThrow('not found');
});

test('EF-64 definitions from the chart of their own, the operator beside them in two namespaces and nowhere else', async () => {
  for (const name of ['team-a', 'team-b']) await cluster.kubectl(['create', 'namespace', name]);
  await four.run(['install', 'quaymaster-crds', crdsChart, ...here]);
  const profile = join(operatorChart, 'profiles/namespaced.yaml');
  await four.run(['install', release, operatorChart, ...here, '--values', profile]);
  expect(await mayI('create', 'deployments', '-n', 'team-a')).toBe(true);
  expect(await mayI('create', 'deployments', '-n', 'team')).toBe(false);
  expect(await mayI('list', 'secrets', '-n', 'default')).toBe(false);
  expect(await mayI('create', 'tokenreviews')).toBe(true);

  // With these rights and these settings it works; the Pods of the Deployment are simulated.
  const settings = (await get('configmap/quaymaster-operator-settings')).data?.['settings.json'] ?? '';
  {
    await using operator = await startOperatorProcess(cluster, {
      name: 'namespaced',
      settings: JSON.parse(settings) as object,
    });
    await operator.ready();
    for (const name of ['team', 'team-a', 'team-b']) await cluster.kubectl(['apply', '-n', name, '-f', quickstart]);
    const made = async (namespace: string) =>
      (await cluster.kubectl(['get', '-n', namespace, 'deployments', '-o', 'name'])).split('\n').length - 1;
    await eventually(
      'hub and servers in both',
      30_000,
      async () => (await made('team-a')) + (await made('team-b')) === 8,
    );
    expect(await made('team')).toBe(0);
    expect(operator.log()).not.toMatch(/\b403\b|[Ff]orbidden/);
    // What was not asked for there has no status either.
    expect(JSON.stringify(await get('mcphubs.quaymaster.dev/desk', 'team'))).not.toContain('observedGeneration');
  }
  await uninstall(four);
  expect(await mayI('create', 'deployments', '-n', 'team-a')).toBe(false);
  await four.run(['uninstall', 'quaymaster-crds', ...here]);
  expect(await cluster.kubectl(['get', 'crd', 'mcphubs.quaymaster.dev', '-o', 'name'])).toContain('mcphubs');
});

test('EF-64 people with the built-in roles may do with our kinds what they may do with others', async () => {
  await install(four, operatorChart);
  const as = async (role: string, ...words: readonly string[]) => {
    await cluster.apply(
      JSON.stringify({
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'RoleBinding',
        metadata: { name: role, namespace: 'team' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
        subjects: [{ kind: 'User', name: `user-${role}`, apiGroup: 'rbac.authorization.k8s.io' }],
      }),
    );
    const said = await cluster
      .kubectl(['auth', 'can-i', ...words, '-n', 'team', `--as=user-${role}`])
      .catch((error: unknown) => String(error));
    return said.includes('yes');
  };
  // Aggregation is a controller's work.
  for (let tries = 0; !(await as('view', 'get', 'mcphubs.quaymaster.dev')) && tries < 50; tries++)
    await new Promise((resolve) => setTimeout(resolve, 100));
  expect(await as('view', 'list', 'mcpservers.quaymaster.dev')).toBe(true);
  expect(await as('view', 'delete', 'mcpservers.quaymaster.dev')).toBe(false);
  expect(await as('edit', 'create', 'mcphubs.quaymaster.dev')).toBe(true);
  expect(await as('edit', 'patch', 'mcphubs.quaymaster.dev', '--subresource=scale')).toBe(true);
  expect(await as('admin', 'deletecollection', 'mcpservers.quaymaster.dev')).toBe(true);
  expect(await as('admin', 'patch', 'mcphubs.quaymaster.dev', '--subresource=status')).toBe(false);
  await uninstall(four);
});

test('the shipped rights are those the operator asks for, to the letter', async () => {
  await install(four, operatorChart);
  const rules = JSON.parse(readFileSync(join(operatorChart, 'files/rbac.json'), 'utf8')) as Record<string, unknown[]>;
  expect((await get(`clusterrole/quaymaster-operator-${systemNamespace}`)).rules).toEqual([
    ...(rules['clusterRules'] ?? []),
    ...(rules['namespaceRules'] ?? []),
  ]);
  expect((await get('role/quaymaster-operator')).rules).toEqual(rules['ownNamespaceRules']);
  await uninstall(four);
});
