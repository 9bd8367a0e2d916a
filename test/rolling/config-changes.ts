/** Changes of configuration under load: how long until all replicas have acknowledged each, and that it is in force when they have. */
import { setTimeout as pause } from 'node:timers/promises';

import { connectModern } from '../kit/index.ts';
import { hub, hubReplicas, pairs } from './manifests.ts';
import { StatusWatch } from './status-watch.ts';
import { ofHub, type RollingWorld } from './world.ts';

export interface ConfigChanges {
  /** From the moment the API server had answered the write to the watch event whose status says that all replicas acknowledged; sorted. */
  readonly acknowledgedMs: readonly number[];
  /** Replicas that showed something else after that. */
  readonly behind: readonly string[];
}

const acknowledgeLimitMs = 20_000;
/** A status is written once a second at most, so changes in quicker succession would measure that. */
const pauseMs = 1_000;

export async function changeConfig(world: RollingWorld, times: number): Promise<ConfigChanges> {
  using watch = await StatusWatch.start(world.cluster, hub);
  const pods = await world.pods(ofHub(hub));
  if (pods.length !== hubReplicas) throw new Error(`${pods.length} replicas`);
  const clients = await Promise.all(pods.map((pod) => connectModern(`http://${pod.status.podIP}:7575/mcp`)));
  const acknowledgedMs: number[] = [];
  const behind: string[] = [];
  try {
    for (let n = 0; n < times; n++) {
      const server = pairs[n % pairs.length] ?? '';
      const words = `words of change ${n} at ${Date.now()}`;
      const before = watch.generation;
      await world.patchServer(server, { tools: { describe: { whoami: words } } });
      const written = performance.now();
      const seen = await watch.acknowledgedAfter(before, acknowledgeLimitMs);
      acknowledgedMs.push(Math.round(Math.max(0, seen.atMs - written)));
      for (const [at, client] of clients.entries()) {
        const tools = await client.listAll('tools/list');
        if (!tools.some((tool) => tool['description'] === words)) behind.push(`${pods[at]?.metadata.name} at ${n}`);
      }
      await pause(pauseMs);
    }
  } finally {
    await Promise.all(clients.map((client) => client.close()));
  }
  return { acknowledgedMs: acknowledgedMs.toSorted((a, b) => a - b), behind };
}

export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
