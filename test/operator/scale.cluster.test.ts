/**
 * The smaller form of `scale.soak.test.ts`: a hundred servers, five hubs, declared while the operator runs. The minute of silence is kept on real
 * Pods, by `rolling.node.test.ts`.
 */
import { type Cluster, startCluster } from '@quaymaster/cluster';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { runAtScale, type ScaleSize, tableOf } from './scale-run.ts';

const size: ScaleSize = { hubs: 5, serversPerHub: 20, namespaces: 3, cold: false, silenceMs: 15_000, limitMs: 90_000 };
let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster({ level: 'control', name: 'scale-small', audit: true });
});
afterAll(() => cluster?.[Symbol.asyncDispose]());

test(
  'HT-4.09 a hundred servers and five hubs: Ready, silence, a resync without a write, gone',
  { timeout: 300_000 },
  async () => {
    const figures = await runAtScale(cluster, size);
    console.log(tableOf(size, figures));
    expect(figures.resyncWrites).toEqual([]);
    expect(figures.silentWrites).toEqual([]);
    expect(figures.readyS).toBeLessThan(90);
    expect(figures.peakMiB).toBeLessThan(140);
    // Writes are what an API server has least of: five objects, a token for every second one, two statuses and one event for a server.
    expect((figures.requests['patch mcpservers/status'] ?? 0) / 100).toBeLessThanOrEqual(2.5);
  },
);
