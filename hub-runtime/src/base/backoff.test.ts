import { expect, test } from 'vitest';

import { backoffDelay } from './backoff.ts';

const options = { baseMs: 100, maxMs: 5000 };

test('ceilings double until the largest wait', () => {
  const almostOne = () => 1;
  expect([0, 1, 2, 5, 6, 60].map((attempt) => backoffDelay(attempt, options, almostOne))).toEqual([
    100, 200, 400, 3200, 5000, 5000,
  ]);
});

test('full jitter reaches down to the shortest wait and never below', () => {
  expect(backoffDelay(3, options, () => 0)).toBe(0);
  expect(backoffDelay(3, { ...options, minMs: 50 }, () => 0)).toBe(50);
  expect(backoffDelay(0, { ...options, minMs: 500 }, () => 0.99)).toBe(500);
});

test('a negative attempt counts as the first', () => {
  expect(backoffDelay(-4, options, () => 1)).toBe(100);
});
