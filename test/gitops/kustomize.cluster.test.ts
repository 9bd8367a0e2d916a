/** What GitOps tools ask of us, on a real API server: Kustomize trees that apply, status they can wait for, and no diff once the operator has been there. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startCluster, type Cluster } from '@quaymaster/cluster';
import { parseAllDocuments } from 'yaml';

import { createHubFleet, type HubFleet } from '../operator/hub-fleet.ts';
import {
  eventually,
  operatorNamespace,
  type OperatorProcess,
  startOperatorProcess,
} from '../operator/operator-process.ts';
import { runLua } from './run-lua.ts';

const gitops = join(import.meta.dirname, '../../gitops');
const kustomize = (path: string): string => join(gitops, 'kustomize', path);
const lua = (path: string): string =>
  readFileSync(join(gitops, 'argocd/resource_customizations/quaymaster.dev', path), 'utf8');

interface Live {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly resourceVersion: string;
    readonly generation: number;
    readonly managedFields?: readonly {
      readonly manager: string;
      readonly subresource?: string;
      readonly fieldsV1: object;
    }[];
  };
  readonly spec: Readonly<Record<string, unknown>>;
  readonly status?: { readonly replicas?: number };
}

let cluster: Cluster;
let hubs: HubFleet | undefined;
const operators: OperatorProcess[] = [];
const space = 'mcp-production';

const build = (path: string) => cluster.kubectl(['kustomize', kustomize(path)]);
/** As Argo CD does with ServerSideApply=true. */
const applyAsArgo = (text: string, ...more: readonly string[]) =>
  cluster.kubectl(['apply', '--server-side', '--field-manager=argocd-controller', ...more, '-f', '-'], text);
const live = async (what: string, namespace = space) =>
  JSON.parse(await cluster.kubectl(['get', '-n', namespace, what, '-o', 'json', '--show-managed-fields'])) as Live;
const objectsOf = (text: string): Live[] => parseAllDocuments(text).map((document) => document.toJS() as Live);

beforeAll(async () => {
  cluster = await startCluster({ level: 'control', name: 'gitops' });
  await applyAsArgo(await build('crds'));
  await cluster.kubectl(['wait', '--for=condition=Established', '--timeout=30s', 'crd', '--all']);
  await applyAsArgo(await build('operator/base'));
  // Simulated Pods would be counted as operators; the one that runs is a process beside the cluster, with the rights just applied.
  await cluster.kubectl(['-n', operatorNamespace, 'scale', 'deployment/quaymaster-operator', '--replicas=0']);
  const settings = JSON.parse(readFileSync(kustomize('operator/base/settings.json'), 'utf8')) as {
    readonly render: object;
  };
  operators.push(
    await startOperatorProcess(cluster, {
      name: 'gitops',
      settings: { ...settings, render: { ...settings.render, hubDrainSeconds: 1 } },
    }),
  );
  hubs = createHubFleet(cluster, () => operators);
  hubs.follow();
  await operators[0]?.ready();
  await cluster.kubectl(['create', 'namespace', space]);
});
afterAll(async () => {
  await hubs?.[Symbol.asyncDispose]();
  for (const operator of operators) await operator[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
});

test('every tree of Kustomize builds, and the API server takes what it builds', async () => {
  for (const namespace of ['mcp-staging']) await cluster.kubectl(['create', 'namespace', namespace]);
  for (const path of [
    'crds',
    'operator/base',
    'operator/overlays/production',
    'hubs/overlays/staging',
    'hubs/overlays/production',
  ]) {
    const text = await build(path);
    await applyAsArgo(text, '--dry-run=server', '--force-conflicts');
    const maps = objectsOf(text).filter((each) => each.metadata.name.startsWith('quaymaster-operator-settings-'));
    // The name goes with the content, and the Deployment with the name.
    if (path.startsWith('operator')) {
      expect(maps).toHaveLength(1);
      const deployment = objectsOf(text).find((each) => each.kind === 'Deployment');
      expect(JSON.stringify(deployment?.spec)).toContain(maps[0]?.metadata.name);
    }
  }
});

test('HT-4.09 servers, then hubs, and everybody agrees when they are there: kubectl wait and Argo CD', async () => {
  const objects = objectsOf(await build('hubs/overlays/production'));
  const wave = (kind: string) =>
    objects
      .filter((each) => each.kind === kind)
      .map((each) => JSON.stringify(each))
      .join('\n---\n');
  const health = async (kind: string, what: string) =>
    (runLua(lua(`${kind}/health.lua`), await live(what)) as { readonly status: string }).status;
  await applyAsArgo(wave('McpServer'));
  // A wave ends when all of it is healthy. A server that no hub selects yet must not keep the hubs from coming.
  await eventually(
    'the wave of servers is over',
    20_000,
    async () => (await health('McpServer', 'mcpservers.quaymaster.dev/memory')) === 'Healthy',
  );
  await applyAsArgo(wave('McpHub'));
  await cluster.kubectl(['wait', '-n', space, '--for=condition=Ready', '--timeout=60s', 'mcphubs.quaymaster.dev/desk']);
  await cluster.kubectl([
    'wait',
    '-n',
    space,
    '--for=condition=Ready',
    '--timeout=60s',
    'mcpservers.quaymaster.dev',
    '--all',
  ]);
  await eventually('both are healthy', 20_000, async () => {
    const both = [
      await health('McpHub', 'mcphubs.quaymaster.dev/desk'),
      await health('McpServer', 'mcpservers.quaymaster.dev/memory'),
    ];
    return both.every((each) => each === 'Healthy');
  });
});

test('HT-4.09 once the operator has been there, applying the same again changes nothing', async () => {
  const text = await build('hubs/overlays/production');
  await eventually('it rests', 20_000, async () => {
    const before = await live('mcphubs.quaymaster.dev/desk');
    await new Promise((resolve) => setTimeout(resolve, 1500));
    return before.metadata.resourceVersion === (await live('mcphubs.quaymaster.dev/desk')).metadata.resourceVersion;
  });
  const before = await Promise.all(
    ['mcphubs.quaymaster.dev/desk', 'mcpservers.quaymaster.dev/memory'].map((each) => live(each)),
  );
  // What Argo CD compares with ServerSideDiff=true: the live object and the one a dry run answers.
  const dry = JSON.parse(await applyAsArgo(text, '--dry-run=server', '-o', 'json')) as {
    readonly items: readonly Live[];
  };
  for (const object of before) {
    const same = dry.items.find((each) => each.kind === object.kind && each.metadata.name === object.metadata.name);
    const { managedFields: _live, ...metadata } = object.metadata;
    const { managedFields: _dry, ...answered } = same?.metadata ?? object.metadata;
    expect({ ...same, metadata: answered }).toEqual({ ...object, metadata });
    // No conflict was forced, and nothing of the spec is anybody's but Argo's.
    for (const { manager, subresource, fieldsV1 } of object.metadata.managedFields ?? []) {
      if (manager === 'argocd-controller') continue;
      expect(manager).toMatch(/^quaymaster-operator(-status|-finalizers)?$/);
      expect(JSON.stringify(fieldsV1), `${manager} ${subresource ?? ''}`).not.toContain('f:spec');
    }
  }
  await applyAsArgo(text);
  const after = await Promise.all(
    ['mcphubs.quaymaster.dev/desk', 'mcpservers.quaymaster.dev/memory'].map((each) => live(each)),
  );
  expect(after.map((each) => each.metadata.resourceVersion)).toEqual(
    before.map((each) => each.metadata.resourceVersion),
  );
});

test('HT-4.20 the restart action of Argo CD rolls the Pods, and is no drift', async () => {
  const deployment = async () => JSON.stringify((await live('deployment/desk-hub')).spec['template']);
  const hub = await live('mcphubs.quaymaster.dev/desk');
  const before = await deployment();
  const done = runLua(lua('McpHub/actions/restart/action.lua'), {
    metadata: {},
    spec: { servers: hub.spec['servers'] },
  }) as Live;
  // Argo CD sends the difference as a patch.
  await cluster.kubectl([
    'patch',
    '-n',
    space,
    'mcphubs.quaymaster.dev/desk',
    '--type=merge',
    '-p',
    JSON.stringify({ spec: { template: done.spec['template'] } }),
  ]);
  await eventually('other Pods are asked for', 20_000, async () => (await deployment()) !== before);
  expect(await deployment()).toContain('kubectl.kubernetes.io/restartedAt');
  await applyAsArgo(await build('hubs/overlays/production'));
  expect(await deployment()).toContain('kubectl.kubernetes.io/restartedAt');
});

test('HT-4.09 kubectl scale, get and explain read well', async () => {
  await cluster.kubectl(['scale', '-n', space, 'mcphubs.quaymaster.dev/desk', '--replicas=2']);
  await eventually('two replicas', 30_000, async () => (await live('deployment/desk-hub')).spec['replicas'] === 2);
  await eventually(
    'status follows',
    30_000,
    async () => (await live('mcphubs.quaymaster.dev/desk')).status?.replicas === 2,
  );
  const hubRow = await cluster.kubectl(['get', '-n', space, 'mch']);
  expect(hubRow).toMatch(/^NAME +READY +/);
  expect(hubRow).toMatch(/desk +True/);
  expect(await cluster.kubectl(['get', '-n', space, 'mcp'])).toMatch(
    /mcpserver\.quaymaster\.dev\/memory[\s\S]*|memory/,
  );
  const explained = await cluster.kubectl(['explain', 'mcphubs.quaymaster.dev.spec.servers']);
  expect(explained).toContain('selector');
  expect(explained.split('DESCRIPTION:')[1]?.trim().length).toBeGreaterThan(20);
});
