/**
 * The official conformance tool against the hub in front of servers of both eras, of the older only and of the newer only: both requirement sets, every
 * required scenario counted; and the hub as a client of the tool's own servers.
 *
 * One process serves all hubs, and two runs of the tool go on at once: the whole of it takes well under a minute on two cores.
 */
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { directFailures, expectedFailureNames, withoutNames } from '../conformance/expected-failures.ts';
import {
  clientScenarios,
  requiredScenarios,
  runClientScenario,
  runRequirementSet,
} from '../conformance/requirement-set.ts';
import type { Revision, ScenarioResult } from '../conformance/requirement-set.ts';
import { type ConformanceWorld, fixtureNames, startWorld } from '../conformance/world.ts';

const sizes: Readonly<Record<Revision, number>> = { '2025-11-25': 30, '2026-07-28': 37 };
const revisions: readonly Revision[] = ['2025-11-25', '2026-07-28'];
const atOnce = 2;

let world: ConformanceWorld;
/** By `what revision`. */
const results = new Map<string, readonly ScenarioResult[]>();

beforeAll(async () => {
  world = await startWorld();
  const runs = revisions.flatMap((revision) => [
    { name: 'direct', url: world.direct('dual'), revision },
    ...fixtureNames.map((name) => ({ name, url: world.through(name), revision })),
    { name: 'prefixed', url: world.prefixed, revision },
  ]);
  await inTurns(runs, async ({ name, url, revision }) => {
    results.set(`${name} ${revision}`, await runRequirementSet(url, revision));
  });
}, 300_000);

afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
});

const resultsOf = (name: string, revision: Revision): readonly ScenarioResult[] =>
  results.get(`${name} ${revision}`) ?? expect.fail('it did not run');
const unpassed = (all: readonly ScenarioResult[]): readonly ScenarioResult[] =>
  all.filter((one) => one.state !== 'passed');

describe.each(revisions)('requirement set %s', (revision) => {
  test('has its frozen size', () => {
    expect(requiredScenarios(revision)).toHaveLength(sizes[revision]);
  });

  test('the server of both eras itself passes what it is said to, so a failure is the hub\u2019s', () => {
    const listed = directFailures[revision];
    const unexpected = unpassed(resultsOf('direct', revision)).filter(({ name }) => !listed.includes(name));
    expect(unexpected).toEqual([]);
  });

  test.each(fixtureNames)(
    'EF-21 HT-0.12 HT-0.08 EF-27 in front of the %s server nothing fails that is not listed',
    (name) => {
      const listed = expectedFailureNames(name, revision);
      const failed = unpassed(resultsOf(name, revision));
      expect(failed.filter((one) => !listed.includes(one.name))).toEqual([]);
      // Nothing listed passes.
      expect(listed.filter((one) => !failed.some((other) => other.name === one))).toEqual([]);
    },
  );

  test('EF-21 with prefixes everything passes that names no tool and no prompt', () => {
    const failed = unpassed(resultsOf('prefixed', revision));
    expect(failed.filter((one) => withoutNames[revision].includes(one.name))).toEqual([]);
  });

  test('EF-21 EF-22 the hub as a client passes all scenarios that are not about authorization', async () => {
    const base = world.hub.url.replace(/\/mcp$/, '');
    const program = fileURLToPath(new URL('../conformance/hub-client.ts', import.meta.url));
    const command = `${process.execPath} --conditions=quaymaster-source ${program} ${base} ${world.hub.manifests}`;
    const played: ScenarioResult[] = [];
    await inTurns(clientScenarios(revision), async (name) => {
      played.push(await runClientScenario(name, revision, command));
    });
    expect(unpassed(played)).toEqual([]);
    expect(played).toHaveLength(clientScenarios(revision).length);
  });
});

async function inTurns<T>(all: readonly T[], act: (one: T) => Promise<void>): Promise<void> {
  const left = [...all];
  const work = async (): Promise<void> => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) await act(one);
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}
