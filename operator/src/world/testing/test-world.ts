/** A view of a cluster in memory, as the operator has it. */
import { silentLogger, type TestClock } from 'quaymaster/base';

import { createWorld, type WorldDeps } from '../create-world.ts';
import type { World } from '../types.ts';
import type { FakeCluster } from './fake-cluster.ts';

export function createTestWorld(cluster: FakeCluster, clock: TestClock, over: Partial<WorldDeps> = {}): World {
  return createWorld({
    manager: cluster.manager,
    client: cluster.client,
    clock,
    logger: silentLogger,
    settings: { operatorNamespace: 'system' },
    namespaces: [],
    ...over,
  });
}

/** Resolves when the operator leads and knows all there is. */
export async function lead(cluster: FakeCluster, clock: TestClock): Promise<void> {
  const leading = cluster.lead();
  // Whoever waits hears of it.
  leading.catch(() => {});
  for (let turn = 0; turn < 20; turn++) await clock.advance(20);
  await leading;
}
