import { expect, test } from 'vitest';
import { expectedFailures, withoutNames } from './expected-failures.ts';
import { clientScenarios, requiredScenarios } from './requirement-set.ts';

test('both sets are read from the tool and hold the scenarios that people know', () => {
  expect(requiredScenarios('2025-11-25')).toContain('server-initialize');
  expect(requiredScenarios('2026-07-28')).toContain('server-stateless');
});

test.each(['dual', 'legacy', 'modern'] as const)(
  'every expected failure of %s is named once, says what blocks it and exists in its set',
  (fixture) => {
    for (const revision of ['2025-11-25', '2026-07-28'] as const) {
      const blocked = expectedFailures[fixture][revision];
      const names = blocked.flatMap((group) => group.scenarios);
      expect(new Set(names).size).toBe(names.length);
      expect(names.filter((name) => !requiredScenarios(revision).includes(name))).toEqual([]);
      expect(blocked.every((group) => group.by.length > 0)).toBe(true);
      expect(withoutNames[revision].filter((name) => !requiredScenarios(revision).includes(name))).toEqual([]);
    }
  },
);

test('client scenarios are those that are not about authorization', () => {
  expect(clientScenarios('2025-11-25')).toEqual([
    'initialize',
    'tools_call',
    'elicitation-sep1034-client-defaults',
    'sse-retry',
  ]);
  expect(clientScenarios('2026-07-28')).toHaveLength(7);
});
