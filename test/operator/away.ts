/** The API server is away for a while: the same in both sizes. */
import { fairMs } from '@quaymaster/testkit';
import { expect } from 'vitest';

import { eventually } from './operator-process.ts';
import { type FaultsWorld, generation, sleep, took } from './faults-world.ts';

export interface Away {
  readonly downMs: number;
  /** How long nothing may be written once it is back. */
  readonly silentMs: number;
}

export async function apiServerAway(world: FaultsWorld, { downMs, silentMs }: Away): Promise<void> {
  const { cluster, hubs } = world;
  const pods = await world.podsOf();
  const before = await world.hub();
  await cluster.kill('kube-apiserver');
  await sleep(downMs);
  const running = hubs.fleet.states().map((state) => state.running?.generation);
  expect(running).toEqual([generation(before), generation(before)]);
  await cluster.restart('kube-apiserver');
  const since = new Date();
  await world.serves();
  const back = performance.now();
  await world.restartEnded(1000);
  await eventually('streams are back', 60_000, () => hubs.fleet.states().every(({ connected }) => connected));
  took('API server away, streams back after', performance.now() - back);
  await world.allReady(60_000);
  await sleep(silentMs);
  expect(await world.writes(since)).toEqual([]);
  expect(await world.podsOf()).toBe(pods);
  expect((await world.hub()).status).toEqual(before.status);
  const edited = performance.now();
  await world.edit('after the outage');
  await world.acknowledged(generation(before), 30_000);
  took('first edit after it acknowledged in', performance.now() - edited);
  expect(performance.now() - edited).toBeLessThan(fairMs(5000));
}
