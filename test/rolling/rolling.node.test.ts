/**
 * Nothing fails while things move: real Pods, installed as users do, under 32 clients of both eras at five calls a second each. Configurations
 * change, Pods roll, are evicted, deleted and killed, the node is drained, the operator dies and stays away; every call is answered.
 *
 * The clients are there all the time; each test judges the calls that were made during it. Full sizes are in `rolling.soak.test.ts`.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { fairMs } from '../kit/index.ts';
import { changeConfig, percentile } from './config-changes.ts';
import {
  deleteEach,
  drainSingles,
  evictAll,
  killChild,
  killHub,
  killLeader,
  rollHub,
  rollServer,
  withoutOperator,
} from './acts.ts';
import type { Load } from './load.ts';
import { hub } from './manifests.ts';
import { expectNoFailure, expectOnlyLost, operatorWrites, tally } from './verdicts.ts';
import { ofHub, ofServer, ours, RollingWorld } from './world.ts';

const minutes = 60_000;

let world: RollingWorld;
let load: Load;

beforeAll(async () => {
  world = await RollingWorld.start('rolling');
  load = await world.load();
}, 20 * minutes);
afterAll(async () => {
  await load?.[Symbol.asyncDispose]();
  await world?.[Symbol.asyncDispose]();
}, 2 * minutes);

test(
  'EF-57 HT-0.05 under load a change is acknowledged by three replicas within a second, no call fails, no Pod is touched',
  async () => {
    const before = await world.identities(ours);
    const { acknowledgedMs, behind } = await changeConfig(world, 20);
    const p95 = percentile(acknowledgedMs, 0.95);
    console.log(`acknowledged by all: median ${percentile(acknowledgedMs, 0.5)} ms, p95 ${p95} ms`);
    await expectNoFailure(load, 200);
    expect(behind).toEqual([]);
    expect(p95).toBeLessThan(fairMs(1_000));
    expect(await world.identities(ours)).toEqual(before);
  },
  2 * minutes,
);

describe('Pods of hubs', () => {
  test(
    'EF-57 EF-30 another Pod template rolls the hubs without a failed call',
    async () => {
      await rollHub(world, hub);
      await expectNoFailure(load);
    },
    3 * minutes,
  );

  test(
    'EF-30 hubs that are evicted, one by one as their budget says, fail no call',
    async () => {
      await evictAll(world, ofHub(hub));
      await expectNoFailure(load);
    },
    3 * minutes,
  );
});

describe('Pods of servers', () => {
  test(
    'EF-55 servers with two replicas, behind a bridge and without one, roll and are evicted without a failed call',
    async () => {
      await Promise.all([rollServer(world, 'ls'), rollServer(world, 'mh')]);
      await Promise.all([evictAll(world, ofServer('ms')), evictAll(world, ofServer('lh'))]);
      await expectNoFailure(load);
    },
    3 * minutes,
  );

  test(
    'EF-55 a drain of the node does not hang on what has one replica, and calls to it are held until it is back',
    async () => {
      await drainSingles(world);
      await expectNoFailure(load);
    },
    3 * minutes,
  );
});

describe('what is killed', () => {
  test(
    'EF-30 a hub killed with -9 costs the calls under way there; sessions go on elsewhere',
    async () => {
      await killHub(world);
      await expectOnlyLost(load);
    },
    2 * minutes,
  );

  test(
    'EF-30 the child of a bridge killed with -9 costs the calls under way there',
    async () => {
      await killChild(world, 'ls');
      await expectOnlyLost(load);
    },
    2 * minutes,
  );

  test(
    'EF-55 when the leader is killed with -9 the next one acts within fifteen seconds, and no call fails',
    async () => {
      const ms = await killLeader(world);
      console.log(`from the end of the leader to a change acknowledged by all: ${Math.round(ms)} ms`);
      await expectNoFailure(load);
      expect(ms).toBeLessThan(fairMs(15_000));
    },
    2 * minutes,
  );
});

test(
  'EF-57 without any operator calls go on, a hub starts with the last configuration, and what was missed is caught up with',
  async () => {
    const first = (await world.pods(ofHub(hub))).slice(0, 1);
    const names = first.map(({ metadata }) => metadata.name);
    const ms = await withoutOperator(world, 10_000, () => deleteEach(world, ofHub(hub), names));
    console.log(`from the return of the operator to a change acknowledged by all: ${Math.round(ms)} ms`);
    await expectNoFailure(load);
    await world.atRest();
  },
  3 * minutes,
);

test(
  'EF-55 for a minute nothing is written but the lease, under load',
  async () => {
    await tally(load);
    expect(await operatorWrites(world.cluster, minutes)).toEqual([]);
    await expectNoFailure(load, 5_000);
  },
  2 * minutes,
);
