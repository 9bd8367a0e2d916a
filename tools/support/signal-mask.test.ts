import { expect, test } from 'vitest';

import { blocksInterrupt } from './signal-mask.ts';

test('tells whether SIGINT is blocked', () => {
  expect(blocksInterrupt('Name:\tmake\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000002\n')).toBe(false);
  expect(blocksInterrupt('SigBlk:\t0000000000000002\n')).toBe(true);
  expect(blocksInterrupt('SigBlk:\tfffffffe7ffbfeff\n')).toBe(true);
  expect(blocksInterrupt('SigBlk:\t0000000000010000\n')).toBe(false);
  expect(blocksInterrupt('')).toBe(false);
});
