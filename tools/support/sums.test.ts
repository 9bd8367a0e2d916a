import { expect, test } from 'vitest';

import { addSums, readSums } from './sums.ts';

test('sums of several runs are added', () => {
  const text = '{"passed":2,"failed":0,"skipped":1}\n{"passed":3,"failed":1,"skipped":0}\n';
  expect(readSums('x', () => text)).toEqual({ passed: 5, failed: 1, skipped: 1 });
  expect(addSums({ passed: 1, failed: 2, skipped: 3 }, { passed: 1, failed: 1, skipped: 1 })).toEqual({
    passed: 2,
    failed: 3,
    skipped: 4,
  });
});

test('a suite that wrote nothing, or nothing readable, has failed', () => {
  const failure = { passed: 0, failed: 1, skipped: 0 };
  expect(readSums('x', () => '')).toEqual(failure);
  expect(readSums('x', () => 'rubbish')).toEqual(failure);
  expect(
    readSums('x', () => {
      throw new Error('ENOENT');
    }),
  ).toEqual(failure);
});
