/** The full sizes of `rolling.node.test.ts`: a hundred changes, every server, an upgrade of everything at once, ten quiet minutes. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { deleteEach, evictAll, rollServer, upgrade, withoutOperator } from './acts.ts';
import { changeConfig, percentile } from './config-changes.ts';
import type { Load } from './load.ts';
import { hub, pairs, singles } from './manifests.ts';
import { expectNoFailure, operatorWrites, tally } from './verdicts.ts';
import { ofHub, ofServer, ours, RollingWorld } from './world.ts';

const minutes = 60_000;

let world: RollingWorld;
let load: Load;

beforeAll(async () => {
  world = await RollingWorld.start('rolling-soak');
  load = await world.load();
});
afterAll(async () => {
  await load?.[Symbol.asyncDispose]();
  await world?.[Symbol.asyncDispose]();
});

test('EF-57 HT-0.05 a hundred changes under load: 95 of them acknowledged by all within a second, no call fails', async () => {
  const before = await world.identities(ours);
  const { acknowledgedMs, behind } = await changeConfig(world, 100);
  const [p50, p95, longest] = [0.5, 0.95, 1].map((share) => percentile(acknowledgedMs, share));
  console.log(`acknowledged by all: median ${p50} ms, p95 ${p95} ms, longest ${longest} ms`);
  await expectNoFailure(load, 1_000);
  expect(behind).toEqual([]);
  expect(p95).toBeLessThan(1_000);
  expect(await world.identities(ours)).toEqual(before);
});

test('EF-57 EF-64 an upgrade rolls the operator, the hubs and the bridges at once without a failed call', async () => {
  await upgrade(world);
  await expectNoFailure(load);
});

test('EF-30 hubs deleted one after the other fail no call, three rounds', async () => {
  for (let round = 0; round < 3; round++) await deleteEach(world, ofHub(hub));
  await expectNoFailure(load);
});

test.each(pairs)('EF-55 server %s rolls, is evicted and deleted Pod by Pod without a failed call', async (name) => {
  await rollServer(world, name);
  await evictAll(world, ofServer(name));
  await deleteEach(world, ofServer(name));
  await expectNoFailure(load);
});

test.each(singles)('EF-55 the only Pod of %s is replaced and calls are held meanwhile', async (name) => {
  await evictAll(world, ofServer(name));
  await expectNoFailure(load);
});

test('EF-57 a minute without any operator', async () => {
  const [pod] = await world.pods(ofHub(hub));
  const names = pod === undefined ? [] : [pod.metadata.name];
  const ms = await withoutOperator(world, minutes, () => deleteEach(world, ofHub(hub), names));
  console.log(`from the return of the operator to a change acknowledged by all: ${Math.round(ms)} ms`);
  await expectNoFailure(load);
  await world.atRest();
});

test('EF-55 for ten minutes nothing is written but the lease, under load', async () => {
  await tally(load);
  expect(await operatorWrites(world.cluster, 10 * minutes)).toEqual([]);
  await expectNoFailure(load, 50_000);
});
