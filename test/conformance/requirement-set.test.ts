import { expect, test } from 'vitest';
import { expectedFailures } from './expected-failures.ts';
import { requiredScenarios } from './requirement-set.ts';

test('both sets are read from the tool and hold the scenarios that people know', () => {
  expect(requiredScenarios('2025-11-25')).toContain('server-initialize');
  expect(requiredScenarios('2026-07-28')).toContain('server-stateless');
});

test('every expected failure is named once, says what blocks it and exists in its set', () => {
  for (const revision of ['2025-11-25', '2026-07-28'] as const) {
    const names = expectedFailures[revision].flatMap((group) => group.scenarios);
    expect(new Set(names).size).toBe(names.length);
    expect(names.filter((name) => !requiredScenarios(revision).includes(name))).toEqual([]);
    expect(expectedFailures[revision].every((group) => group.by.length > 0)).toBe(true);
  }
});
