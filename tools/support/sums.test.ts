import { expect, test } from 'vitest';

import { addSums, failureLines, readSums } from './sums.ts';

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
  const failure = {
    passed: 0,
    failed: 1,
    skipped: 0,
    failures: [{ test: 'x', said: 'left no sums: it crashed or ran nothing' }],
  };
  expect(readSums('x', () => '')).toEqual(failure);
  expect(readSums('x', () => 'rubbish')).toEqual(failure);
  expect(
    readSums('x', () => {
      throw new Error('ENOENT');
    }),
  ).toEqual(failure);
});

test('what failed is kept by name, and told shortly', () => {
  const [a, b] = ['a', 'b'].map((name) => ({
    test: `${name}.test.ts > it`,
    said: `expected 1\n  to be 2 ${'x'.repeat(500)}`,
  }));
  const line = (failure: unknown) => `${JSON.stringify({ passed: 0, failed: 1, skipped: 0, failures: [failure] })}\n`;
  const { failures = [] } = readSums('x', () => line(a) + line(b));
  expect(failures).toEqual([a, b]);
  const told = failureLines(failures, 1);
  expect(told).toEqual([
    'FAILED a.test.ts > it',
    expect.stringMatching(/^ {7}expected 1 to be 2 x+\.{3}$/),
    'and 1 more',
  ]);
  expect(told[1]?.length).toBeLessThan(420);
});
