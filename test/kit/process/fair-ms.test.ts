import { expect, test } from 'vitest';

import { fairMs, machineLoad } from './fair-ms.ts';

test('a bar stays what it is while each task has a core, and grows with what is too much', () => {
  expect(fairMs(1_000, { cores: 2, average: 0.3, now: 2 })).toBe(1_000);
  expect(fairMs(1_000, { cores: 2, average: 8, now: 1 })).toBe(4_000);
  expect(fairMs(1_000, { cores: 2, average: 1, now: 6 })).toBe(3_000);
});

test('this machine says how busy it is: at least this test runs', () => {
  const { cores, average, now } = machineLoad();
  expect(cores).toBeGreaterThan(0);
  expect(average).toBeGreaterThanOrEqual(0);
  if (process.platform === 'linux') expect(now).toBeGreaterThan(0);
});
