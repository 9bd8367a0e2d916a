/** The official conformance tool against the hub in front of its fixture, both requirement sets, every required scenario counted. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectedFailureNames } from '../conformance/expected-failures.ts';
import { buildFixture, startFixture } from '../conformance/fixture.ts';
import type { Fixture } from '../conformance/fixture.ts';
import { requiredScenarios, runRequirementSet } from '../conformance/requirement-set.ts';
import type { Revision, ScenarioResult } from '../conformance/requirement-set.ts';
import { mcpHub, mcpServer, startHub } from '../integration/support/running-hub.ts';
import type { RunningHub } from '../integration/support/running-hub.ts';
import type { EraName } from '../kit/index.ts';

const sets: readonly (readonly [Revision, EraName, number])[] = [
  ['2025-11-25', 'legacy', 30],
  ['2026-07-28', 'modern', 37],
];

beforeAll(buildFixture, 300_000);

describe.each(sets)('requirement set %s', (revision, era, size) => {
  let fixture: Fixture;
  let hub: RunningHub;
  let direct: readonly ScenarioResult[];
  let through: readonly ScenarioResult[];

  beforeAll(async () => {
    fixture = await startFixture(era);
    hub = await startHub([
      mcpHub({ naming: { strategy: 'none' } }),
      mcpServer('fixture', { source: { remote: { url: fixture.url } } }),
    ]);
    direct = await runRequirementSet(fixture.url, revision);
    through = await runRequirementSet(hub.url, revision);
  });

  afterAll(async () => {
    await hub?.[Symbol.asyncDispose]();
    await fixture?.[Symbol.asyncDispose]();
  });

  test('the set has its frozen size, and every scenario ran', () => {
    expect(requiredScenarios(revision)).toHaveLength(size);
    expect(through.filter((one) => one.state === 'missing').map((one) => one.name)).toEqual([]);
  });

  test('the fixture itself passes all of it, so a failure is the hub\u2019s', () => {
    expect(direct.filter((one) => one.state !== 'passed')).toEqual([]);
  });

  test('EF-21 HT-0.12 HT-0.08 EF-27 nothing fails that is not listed', () => {
    const known = expectedFailureNames(revision);
    expect(through.filter((one) => one.state === 'failed' && !known.includes(one.name))).toEqual([]);
  });

  test('nothing listed passes, and nothing listed is unknown', () => {
    const known = expectedFailureNames(revision);
    const passed = through.filter((one) => one.state === 'passed').map((one) => one.name);
    expect(known.filter((name) => passed.includes(name))).toEqual([]);
    expect(known.filter((name) => !requiredScenarios(revision).includes(name))).toEqual([]);
  });
});
