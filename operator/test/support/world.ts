/** What the tests against a real API server share: an endpoint, a kind of their own, waiting for states. */
import type { Cluster } from '@quaymaster/cluster';
import { fairMs } from '@quaymaster/testkit';
import { systemClock } from 'quaymaster/base';

import {
  type Endpoint,
  type KubeObject,
  loadKubeconfig,
  type MetricSink,
  type Resource,
} from '../../src/kube/index.ts';

export const widgets: Resource = {
  group: 'kube.test',
  version: 'v1',
  kind: 'Widget',
  plural: 'widgets',
  namespaced: true,
};
export const configMaps: Resource = {
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  namespaced: true,
};

const definition = JSON.stringify({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.kube.test' },
  spec: {
    group: 'kube.test',
    scope: 'Namespaced',
    names: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
});

export async function createWidgetKind(cluster: Cluster): Promise<void> {
  await cluster.apply(definition);
  await cluster.kubectl(['wait', '--for=condition=Established', '--timeout=30s', 'crd/widgets.kube.test']);
}

export async function createWidgets(cluster: Cluster, names: readonly string[], namespace = 'default'): Promise<void> {
  const items = names.map((name) => ({
    apiVersion: 'kube.test/v1',
    kind: 'Widget',
    metadata: { name, namespace },
    spec: { size: 1 },
  }));
  await cluster.apply(items.map((item) => JSON.stringify(item)).join('\n---\n'));
}

/** As the administrator; with `port`, through a proxy on this machine. */
export async function adminEndpoint(cluster: Cluster, port?: number): Promise<Endpoint> {
  const endpoint = await loadKubeconfig({ paths: [cluster.kubeconfig], clock: systemClock });
  return port === undefined ? endpoint : { ...endpoint, server: `https://127.0.0.1:${port}` };
}

export function portOf(endpoint: Endpoint): number {
  return Number(new URL(endpoint.server).port);
}

/** Resolves with the milliseconds it took. The limit is for a machine with a core for each task, longer on a busy one. */
export async function eventually(
  what: string,
  condition: () => boolean | Promise<boolean>,
  limitMs = 30_000,
): Promise<number> {
  const started = performance.now();
  for (;;) {
    if (await condition()) return performance.now() - started;
    const waitedMs = performance.now() - started;
    if (waitedMs > limitMs && waitedMs > fairMs(limitMs))
      throw new Error(`never happened in ${Math.round(waitedMs)} ms: ${what}`);
    await sleep(50);
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

export interface CountingMetrics extends MetricSink {
  count(name: string, labels: Readonly<Record<string, string>>, by?: number): void;
  sum(name: string, labels?: Readonly<Record<string, string>>): number;
}

export function countingMetrics(): CountingMetrics {
  const counts: { readonly name: string; readonly labels: Readonly<Record<string, string>>; readonly by: number }[] =
    [];
  return {
    count: (name, labels, by = 1) => counts.push({ name, labels, by }),
    gauge: () => {},
    observe: () => {},
    sum: (name, labels = {}) =>
      counts
        .filter(
          (each) => each.name === name && Object.entries(labels).every(([key, value]) => each.labels[key] === value),
        )
        .reduce((sum, each) => sum + each.by, 0),
  };
}

export function namesOf(objects: Iterable<KubeObject>): string[] {
  return [...objects].map((object) => object.metadata.name).toSorted();
}
