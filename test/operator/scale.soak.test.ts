/**
 * The size that is promised: a thousand servers and fifty hubs, from cold. The smaller form is in `scale.cluster.test.ts`. Its times mean something
 * only where nothing else runs.
 */
import { type Cluster, startCluster } from '@quaymaster/cluster';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { runAtScale, type ScaleSize, tableOf } from './scale-run.ts';

const size: ScaleSize = {
  hubs: 50,
  serversPerHub: 20,
  namespaces: 5,
  cold: true,
  silenceMs: 60_000,
  limitMs: 600_000,
};
let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster({ level: 'control', name: 'scale', audit: true, fakeNodes: 5 });
});
afterAll(() => cluster?.[Symbol.asyncDispose]());

test('HT-4.09 a thousand servers and fifty hubs from cold', async () => {
  const figures = await runAtScale(cluster, size);
  console.log(tableOf(size, figures));
  expect(figures.resyncWrites).toEqual([]);
  expect(figures.silentWrites).toEqual([]);
  expect(figures.readyS).toBeLessThan(120);
  expect(figures.restMiB).toBeLessThan(160);
  // While a thousand come up together as well.
  expect(figures.peakMiB).toBeLessThan(160);
});
