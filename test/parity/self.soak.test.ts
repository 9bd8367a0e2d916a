/**
 * The parity suite measured with itself: every scenario played twice by the process driver gives one transcript, so whatever differs between
 * drivers is a difference of drivers; and a difference that is planted is found.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { EraName } from '../kit/index.ts';
import { compareStreams } from './compare.ts';
import { startProcessDriver } from './drivers/process-driver.ts';
import { freePorts } from './free-ports.ts';
import { play } from './play.ts';
import type { ParityDriver } from './scenario.ts';
import { scenarios } from './scenarios/index.ts';
import { world } from './world.ts';

let driver: ParityDriver;

beforeAll(async () => {
  driver = await startProcessDriver(world(await freePorts()));
});
afterAll(() => driver?.[Symbol.asyncDispose]());

describe.each(scenarios)('$name', (scenario) => {
  test.each<EraName>([...(scenario.eras ?? (['legacy', 'modern'] as const))])('%s client', async (era) => {
    const first = await play(scenario, era, driver);
    if (first.failure !== undefined) throw first.failure;
    const second = await play(scenario, era, driver);
    if (second.failure !== undefined) throw second.failure;
    expect(first.streams.length).toBeGreaterThan(0);
    const { differences } = compareStreams(scenario.name, first.streams, second.streams, []);
    expect(differences, differences.join('\n')).toEqual([]);
  });
});
