import { expect, test } from 'vitest';
import { parseBytes, parseDuration } from './index.ts';

test.each([
  ['0s', 0],
  ['250ms', 250],
  ['1m30s', 90_000],
  ['1h1m1s1ms', 3_661_001],
  ['30', undefined],
  ['1d', undefined],
  ['', undefined],
  ['1.5s', undefined],
])('duration %s is %s ms', (text, expected) => {
  expect(parseDuration(text)).toBe(expected);
});

test.each([
  ['4Mi', 4_194_304],
  ['1Ki', 1_024],
  ['512', 512],
  ['0', undefined],
  ['4M', undefined],
  ['1Gi', undefined],
])('%s is %s bytes', (text, expected) => {
  expect(parseBytes(text)).toBe(expected);
});
