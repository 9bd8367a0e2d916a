/** Small things most tests of this layer need. */
import type { TestClock } from 'quaymaster/base';

import type { MetricLabels, MetricSink } from '../metrics/index.ts';
import type { KubeObject, Resource } from '../objects/index.ts';

export const widgets: Resource = {
  group: 'test.example',
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

export function widget(
  name: string,
  over: Partial<KubeObject['metadata']> = {},
  rest: Record<string, unknown> = {},
): KubeObject {
  return {
    apiVersion: 'test.example/v1',
    kind: 'Widget',
    metadata: { name, namespace: 'default', ...over },
    spec: { size: 1 },
    ...rest,
  } as KubeObject;
}

/** Waits in real time for something that needs sockets. Says what it waited for. The limit is for busy machines, where `drive` takes seconds. */
export async function until(what: string, condition: () => boolean, limitMs = 20_000): Promise<void> {
  const end = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 1);
    });
  }
}

/** The same while the test clock runs, `stepMs` at a time. */
export async function drive(clock: TestClock, what: string, condition: () => boolean, stepMs = 500): Promise<void> {
  await until(what, () => {
    if (condition()) return true;
    void clock.advance(stepMs);
    return false;
  });
}

export interface Recorded {
  readonly name: string;
  readonly labels: MetricLabels;
  readonly value: number;
}

export interface RecordingMetrics extends MetricSink {
  readonly all: readonly Recorded[];
  sum(name: string, labels?: MetricLabels): number;
  last(name: string, labels?: MetricLabels): number | undefined;
}

export function recordingMetrics(): RecordingMetrics {
  const all: Recorded[] = [];
  const matching = (name: string, labels: MetricLabels): Recorded[] =>
    all.filter(
      (each) => each.name === name && Object.entries(labels).every(([key, value]) => each.labels[key] === value),
    );
  return {
    all,
    count: (name, labels, by = 1) => all.push({ name, labels, value: by }),
    gauge: (name, labels, value) => all.push({ name, labels, value }),
    observe: (name, labels, value) => all.push({ name, labels, value }),
    sum: (name, labels = {}) => matching(name, labels).reduce((sum, each) => sum + each.value, 0),
    last: (name, labels = {}) => matching(name, labels).at(-1)?.value,
  };
}
