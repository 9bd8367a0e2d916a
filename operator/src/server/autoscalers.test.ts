import { createTestClock } from 'quaymaster/base';
import { expect, test } from 'vitest';

import type { Resource } from '../kube/index.ts';
import type { Deployment } from '../world/index.ts';
import { createFakeCluster, status } from '../world/testing/index.ts';
import { createAutoscalers } from './autoscalers.ts';

const hpas: Resource = {
  group: 'autoscaling',
  version: 'v2',
  kind: 'HorizontalPodAutoscaler',
  plural: 'horizontalpodautoscalers',
  namespaced: true,
};
const deployment = (replicasOwner?: string): Deployment => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'd', namespace: 'n' },
  ...(replicasOwner === undefined ? {} : { replicasOwner }),
});
const builtIn = 'kube-controller-manager';
const target = (kind: string, name: string) => ({ spec: { scaleTargetRef: { kind, name } } });

test('EF-55 the built-in one is asked for, others are believed, nobody is nobody', async () => {
  const cluster = createFakeCluster();
  const clock = createTestClock();
  const autoscalers = createAutoscalers(cluster.client, clock);
  expect(await autoscalers.decides(undefined)).toBe(false);
  expect(await autoscalers.decides(deployment())).toBe(false);
  expect(await autoscalers.decides(deployment('keda-like'))).toBe(true);
  expect(cluster.reads).toEqual([]);
  cluster.put(hpas, { metadata: { name: 'other', namespace: 'n' }, ...target('StatefulSet', 'd') });
  cluster.put(hpas, { metadata: { name: 'odd', namespace: 'n' } });
  expect(await autoscalers.decides(deployment(builtIn))).toBe(false);
  cluster.put(hpas, { metadata: { name: 'x', namespace: 'n' }, ...target('Deployment', 'd') });
  // It came a moment ago, and is not fought.
  expect(await autoscalers.decides(deployment(builtIn))).toBe(true);
  expect(cluster.reads).toHaveLength(2);
  // A yes is believed for a while.
  cluster.remove(hpas, 'n/x');
  expect(await autoscalers.decides(deployment(builtIn))).toBe(true);
  expect(cluster.reads).toHaveLength(2);
  await clock.advance(autoscalers.memoryMs);
  expect(await autoscalers.decides(deployment(builtIn))).toBe(false);
});

test('who may not look believes; a network that fails is told', async () => {
  const cluster = createFakeCluster();
  const clock = createTestClock();
  cluster.intercept = () => status(403);
  expect(await createAutoscalers(cluster.client, clock).decides(deployment(builtIn))).toBe(true);
  cluster.intercept = () => new Error('no network');
  await expect(createAutoscalers(cluster.client, clock).decides(deployment(builtIn))).rejects.toThrow('no network');
});
