/**
 * What is rendered for hubs and servers, before a real API server: every shape in `crds/src/render/golden` is accepted without a warning, its
 * Pods are admitted where Pod Security "restricted" is enforced, and applying it again changes nothing.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments, stringify } from 'yaml';
import { startCluster } from './index.ts';
import type { Cluster } from './index.ts';

interface Rendered {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string; ownerReferences?: unknown };
  readonly spec?: { readonly replicas?: number };
}
interface Live {
  readonly metadata: { readonly name: string; readonly resourceVersion: string };
  readonly kind: string;
  readonly spec?: { readonly replicas?: number };
  readonly status?: {
    readonly replicas?: number;
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message: string }[];
  };
}

const golden = join(import.meta.dirname, '../../crds/src/render/golden');
const shapes = readdirSync(golden).map((file) => file.replace(/\.yaml$/, ''));

/** Each shape in a namespace of its own, since all are called the same; what owns them exists in no cluster, and would have them collected. */
function shape(name: string): string {
  const objects = parseAllDocuments(readFileSync(join(golden, `${name}.yaml`), 'utf8')).map(
    (document) => document.toJS() as Rendered,
  );
  return objects
    .map(({ metadata: { ownerReferences: _owner, ...metadata }, ...object }) =>
      stringify({ ...object, metadata: { ...metadata, namespace: name } }),
    )
    .join('---\n');
}

const surroundings = (name: string): string => `
apiVersion: v1
kind: Namespace
metadata:
  name: ${name}
  labels:
    pod-security.kubernetes.io/enforce: restricted
    pod-security.kubernetes.io/warn: restricted
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: workload-identity, namespace: ${name}}
`;
const classes = `
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: high}
value: 1000
---
apiVersion: node.k8s.io/v1
kind: RuntimeClass
metadata: {name: sandbox}
handler: sandbox
`;

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster({ level: 'control', name: 'render' });
  await cluster.installCrds('gateway-api');
  await cluster.apply([classes, ...shapes.map(surroundings)].join('---\n'));
});

afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

async function applied(name: string): Promise<readonly Live[]> {
  const words = [
    'apply',
    '--server-side',
    '--field-manager=render-test',
    '--warnings-as-errors',
    '-f',
    '-',
    '-o',
    'json',
  ];
  const text = await cluster.kubectl(words, shape(name));
  const value = JSON.parse(text) as Live & { readonly items?: readonly Live[] };
  return value.items ?? [value];
}

describe.each(shapes)('%s', (name) => {
  test('EF-55 is accepted without a warning, and applying it again changes nothing', async () => {
    // Controllers write `status`, so only what they leave alone shows the difference by its version.
    const quiet = (objects: readonly Live[]) =>
      objects
        .filter((object) => !['Deployment', 'PodDisruptionBudget'].includes(object.kind))
        .map((object) => `${object.kind}/${object.metadata.name}@${object.metadata.resourceVersion}`);
    const first = await applied(name);
    expect(first.map((object) => object.kind)).toContain('Deployment');
    expect(quiet(await applied(name))).toEqual(quiet(first));
  });

  test('EF-54 its Pods are admitted where "restricted" is enforced', async () => {
    const deployment = (await applied(name)).find((object) => object.kind === 'Deployment');
    const read = async () =>
      JSON.parse(
        await cluster.kubectl(['get', 'deployment', deployment?.metadata.name ?? '', '-n', name, '-o', 'json']),
      ) as Live;
    await expect
      .poll(
        async () => {
          const { spec, status } = await read();
          const failures = status?.conditions?.filter((one) => one.type === 'ReplicaFailure') ?? [];
          return { failures, missing: (spec?.replicas ?? 1) - (status?.replicas ?? 0) };
        },
        { timeout: 30_000, interval: 250 },
      )
      .toEqual({ failures: [], missing: 0 });
  });
});

test('the judge is awake: a Pod that may run as root is warned about', async () => {
  const text = shape('hub').replaceAll('runAsNonRoot: true', 'runAsNonRoot: false');
  const words = ['apply', '--server-side', '--dry-run=server', '--force-conflicts', '--warnings-as-errors', '-f', '-'];
  await expect(cluster.kubectl(words, text)).rejects.toThrow('runAsNonRoot');
});
