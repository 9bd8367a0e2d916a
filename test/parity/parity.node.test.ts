/**
 * EF-18: the same manifests, run by `qm up` and by the operator on real Pods, give the same conversations and the same conditions.
 *
 * Each scenario is played with both drivers at the same time and compared byte for byte per stream (`plain.ts` says what is taken out).
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { EraName } from '../kit/index.ts';
import { compareStreams, type DeclaredDifference } from './compare.ts';
import { declaredDifferences } from './differences.ts';
import { startClusterDriver } from './drivers/cluster-driver.ts';
import { startProcessDriver } from './drivers/process-driver.ts';
import { freePorts } from './free-ports.ts';
import { play } from './play.ts';
import type { ParityDriver } from './scenario.ts';
import { scenarios } from './scenarios/index.ts';
import { world } from './world.ts';

let drivers: readonly [ParityDriver, ParityDriver];
const used = new Set<DeclaredDifference>();
let played = 0;

beforeAll(async () => {
  const objects = world(await freePorts());
  drivers = await Promise.all([startProcessDriver(objects), startClusterDriver(objects)]);
});
afterAll(async () => {
  await Promise.all((drivers ?? []).map((driver) => driver[Symbol.asyncDispose]()));
});

describe.each(scenarios)('EF-18 EF-04 $name', (scenario) => {
  test.each<EraName>([...(scenario.eras ?? (['legacy', 'modern'] as const))])('%s client', async (era) => {
    const [one, other] = await Promise.all(drivers.map((driver) => play(scenario, era, driver)));
    if (one === undefined || other === undefined) throw new Error('two drivers play');
    for (const [index, { failure }] of [one, other].entries())
      if (failure !== undefined) throw new Error(`${drivers[index]?.name}: ${failure.message}`, { cause: failure });
    expect(one.streams.length).toBeGreaterThan(0);
    const comparison = compareStreams(scenario.name, one.streams, other.streams, declaredDifferences);
    for (const each of comparison.used) used.add(each);
    expect(comparison.differences, comparison.differences.join('\n')).toEqual([]);
    played += 1;
  });
});

test('EF-14 EF-18 enough is compared, replicas forced apart included, and how much is said', () => {
  const conversations = scenarios.reduce((sum, scenario) => sum + (scenario.eras?.length ?? 2), 0);
  console.log(`parity: ${scenarios.length} scenarios, ${played} of ${conversations} conversations identical`);
  expect(scenarios.length).toBeGreaterThanOrEqual(40);
  expect(scenarios.filter((scenario) => scenario.apart === true).length).toBeGreaterThanOrEqual(10);
  expect(played).toBeGreaterThan(0);
});

test('EF-18 a declared difference that nobody sees any more is taken out of the list', () => {
  expect(declaredDifferences.filter((entry) => !used.has(entry))).toEqual([]);
});
