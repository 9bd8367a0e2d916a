/** The charts as rendered: by both Helms, over many values, checked by rules of ours and by a real API server. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startCluster, type Cluster } from '@quaymaster/cluster';
import { parse } from 'yaml';

import { problemsOf, podOf } from './support/check-rendered.ts';
import {
  crdsChart,
  type Helm,
  helms,
  type Manifest,
  manifests,
  operatorChart,
  root,
  systemNamespace,
} from './support/helm.ts';
import { accepted, refused } from './support/values.ts';

let cluster: Cluster;
let three: Helm;
let four: Helm;
const base = join(root, 'gitops/kustomize/operator/base');

beforeAll(async () => {
  cluster = await startCluster({ level: 'control', name: 'charts' });
  [three, four] = helms(cluster);
  await cluster.installCrds('prometheus');
  for (const name of [systemNamespace, 'team-a', 'team-b']) await cluster.kubectl(['create', 'namespace', name]);
  await cluster.kubectl(['label', 'namespace', systemNamespace, 'pod-security.kubernetes.io/enforce=restricted']);
  await cluster.kubectl(['create', 'priorityclass', 'platform', '--value=1000']);
  for (const name of ['quaymaster-operator', 'given', 'own-name'])
    await cluster.kubectl(['-n', systemNamespace, 'create', 'serviceaccount', name]);
});
afterAll(() => cluster?.[Symbol.asyncDispose]());

test('EF-64 lint, strictly', async () => {
  for (const helm of [three, four])
    for (const chart of [operatorChart, crdsChart])
      expect(await helm.run(['lint', '--strict', chart]), helm.version).toContain('0 chart(s) failed');
});

describe.each(Object.entries(accepted))('%s', (what, values) => {
  test('EF-19 renders alike by both Helms, hardened, and the API server takes it', async () => {
    const [objects = [], other] = (
      await Promise.all([four, three].map((helm) => helm.template(operatorChart, values)))
    ).map(manifests);
    expect(other).toEqual(objects);
    expect(problemsOf(objects)).toEqual([]);
    // Admission judges Pods, so the Deployment's is shown to it.
    const { metadata, spec } = podOf(objects);
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'probe', namespace: systemNamespace, ...metadata },
      spec,
    };
    const dryRun = ['apply', '--server-side', '--dry-run=server', '-o', 'name', '--force-conflicts', '-f', '-'];
    const taken = await cluster.kubectl(dryRun, list([...objects.map(inNamespace), pod as unknown as Manifest]));
    expect(taken.trim().split('\n'), what).toHaveLength(objects.length + 1);
  });
});

const list = (items: readonly Manifest[]): string => JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
/** Objects of users come without. */
const inNamespace = (object: Manifest): Manifest =>
  object.kind === 'ConfigMap' && object.metadata.namespace === undefined
    ? { ...object, metadata: { ...object.metadata, namespace: systemNamespace } }
    : object;

test.each(refused)('EF-64 refused: %s', async (_what, values, because) => {
  for (const helm of [three, four])
    await expect(helm.template(operatorChart, values), helm.version).rejects.toThrow(because);
});

test('EF-64 definitions arrive in both charts as they are, kept by default', async () => {
  const source = (plural: string) =>
    parse(readFileSync(join(root, `crds/generated/crd/${plural}.yaml`), 'utf8')) as Manifest;
  for (const [chart, values, kept] of [
    [operatorChart, {}, true],
    [operatorChart, { crds: { keep: false } }, false],
    [crdsChart, {}, true],
    [crdsChart, { keep: false }, false],
  ] as const) {
    const definitions = manifests(await four.template(chart, values)).filter(
      (each) => each.kind === 'CustomResourceDefinition',
    );
    expect(definitions.map((each) => each.metadata.name)).toEqual([
      'mcphubs.quaymaster.dev',
      'mcpservers.quaymaster.dev',
    ]);
    for (const { metadata, spec } of definitions) {
      expect(spec).toEqual(source(metadata.name.split('.')[0] ?? '').spec);
      expect(metadata.annotations?.['helm.sh/resource-policy']).toBe(kept ? 'keep' : undefined);
    }
  }
});

test('EF-64 a digest beats a tag, and the registry stands before every image', async () => {
  const digest = `sha256:${'ab'.repeat(32)}`;
  const objects = manifests(
    await four.template(operatorChart, {
      global: { imageRegistry: 'registry.example.com/mirror', imagePullSecrets: ['registry'] },
      images: { operator: { tag: 'x', digest }, hub: { tag: '2.0.0' } },
    }),
  );
  expect(podOf(objects).spec).toMatchObject({
    containers: [{ image: `registry.example.com/mirror/quaymaster/operator@${digest}` }],
    imagePullSecrets: [{ name: 'registry' }],
  });
  const settings = objects.find((each) => each.metadata.name === 'quaymaster-operator-settings');
  expect(JSON.parse(settings?.data?.['settings.json'] ?? '')).toMatchObject({
    render: {
      images: {
        hub: 'registry.example.com/mirror/quaymaster/hub:2.0.0',
        runnerNpm: 'registry.example.com/mirror/quaymaster/runner-npm:0.1.0',
      },
      imagePullSecrets: ['registry'],
      operatorNamespace: systemNamespace,
    },
  });
});

test('other settings are other Pods, other labels of monitors are not', async () => {
  const checksum = async (values: object) => {
    const template = podOf(manifests(await four.template(operatorChart, values))) as unknown as Manifest;
    return template.metadata.annotations?.['checksum/settings'];
  };
  const [plain, debug, monitored] = await Promise.all([
    checksum({}),
    checksum({ logLevel: 'debug' }),
    checksum({ metrics: { serviceMonitor: { enabled: true } } }),
  ]);
  expect(debug).not.toBe(plain);
  expect(monitored).toBe(plain);
});

test('EF-64 with listed namespaces the cluster-wide right is tokenreviews, and nothing else', async () => {
  const values = {
    rbac: { scope: 'namespaces', aggregate: false },
    watchNamespaces: ['team-a', 'team-b'],
    crds: { enabled: false },
  };
  const objects = manifests(await four.template(operatorChart, values));
  const wide = objects.filter((each) => each.kind === 'ClusterRole');
  expect(wide.map((each) => each.rules)).toEqual([
    [{ apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] }],
  ]);
  const roles = objects.filter((each) => each.kind === 'Role').map((each) => each.metadata.namespace);
  expect(roles).toEqual([systemNamespace, 'team-a', 'team-b']);
});

test('notes lead to the first call, and warn of what was loosened', async () => {
  const notes = async (values: object) =>
    (await four.run(['install', 'x', operatorChart, '-n', systemNamespace, '--dry-run=client'], values)).split(
      'NOTES:',
    )[1];
  const plain = (await notes({})) ?? '';
  for (const words of [
    'kubectl apply',
    'kubectl wait',
    'port-forward service/desk-hub 7575:80',
    '@modelcontextprotocol/inspector',
  ])
    expect(plain).toContain(words);
  expect(plain).not.toMatch(/Careful|Note:/);
  const loose = await notes({
    crds: { keep: false },
    networkPolicy: { enabled: false },
    render: { allowAnonymousExposure: true, anonymousCallers: 'cluster' },
    rbac: { create: false },
    replicas: 1,
  });
  expect(loose?.match(/Careful/g)).toHaveLength(4);
  expect(loose?.match(/Note:/g)).toHaveLength(2);
});

/** Golden output of the chart, and at once what Kustomize installs. After a change: the same command with `-u`. */
test('EF-64 the default output is what gitops/kustomize/operator/base holds', async () => {
  const text = await four.template(operatorChart, { crds: { enabled: false } });
  const objects = text.split(/^---$/m).map((each) => each.replace(/^# Source: .*\n/m, '').trim());
  const isSettings = (each: string) => /^ {2}name: quaymaster-operator-settings$/m.test(each);
  const rest = objects.filter((each) => each !== '' && !isSettings(each));
  await expect(`${rest.join('\n---\n')}\n`).toMatchFileSnapshot(join(base, 'install.yaml'));
  const settings = manifests(objects.find(isSettings) ?? '')[0]?.data?.['settings.json'] ?? '';
  await expect(`${settings.trim()}\n`).toMatchFileSnapshot(join(base, 'settings.json'));
});
