/** Replicas that are gone after each test of the file that calls it. */
import { afterEach } from 'vitest';

import { startTestReplica, type TestReplica } from './replica-rig.ts';

type Options = Parameters<typeof startTestReplica>[1];

export interface Replicas {
  /** All that are to go; whoever starts one by itself adds it. */
  readonly running: TestReplica[];
  /** So many, each of which knows the others. */
  start(count: number, options?: Options): Promise<TestReplica[]>;
}

export function useReplicas(): Replicas {
  const running: TestReplica[] = [];
  afterEach(async () => {
    await Promise.all(running.splice(0).map((one) => one.kill()));
  });
  return {
    running,
    async start(count, options = {}) {
      const started = await Promise.all(Array.from({ length: count }, (_, n) => startTestReplica(`uid-${n}`, options)));
      running.push(...started);
      meet(started);
      return started;
    },
  };
}

/** They hear of each other. */
export function meet(all: readonly TestReplica[]): void {
  for (const one of all) one.peers.update(all.map(({ address }) => address));
}

/** Waits in real time for something that needs sockets. */
export async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 8_000;
  while (!(await what())) {
    if (performance.now() > end) throw new Error(`not in time: ${what.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** What all of them have counted under this name. */
export function total(all: readonly TestReplica[], name: string): number {
  return all.reduce((sum, { counted }) => sum + (counted.get(name) ?? 0), 0);
}
