import { expect, test } from 'vitest';

import { paceLimits, ReaderPace } from './reader-pace.ts';

const limits = { graceMs: 1_000, bytesPerSecond: 100 };

test('HT-5.12 what waits must be gone after the grace and the time its size needs, not a moment earlier', () => {
  const pace = new ReaderPace();
  expect(pace.isTooSlow(500, 500, 0, limits)).toBe(false);
  // One byte of it is still there: 1 s of grace and 5 s for 500 bytes.
  expect(pace.isTooSlow(500, 1, 5_999, limits)).toBe(false);
  expect(pace.isTooSlow(500, 1, 6_000, limits)).toBe(true);
});

test('a reader that took all of it begins anew with what waits now, however much that is', () => {
  const pace = new ReaderPace();
  pace.isTooSlow(500, 500, 0, limits);
  expect(pace.isTooSlow(900, 400, 5_000, limits)).toBe(false);
  expect(pace.isTooSlow(900, 400, 9_999, limits)).toBe(false);
  expect(pace.isTooSlow(900, 400, 10_000, limits)).toBe(true);
});

test('more that is written meanwhile does not buy time', () => {
  const pace = new ReaderPace();
  pace.isTooSlow(500, 500, 0, limits);
  expect(pace.isTooSlow(10_000, 9_501, 6_000, limits)).toBe(true);
});

test('nothing waits: nothing is slow, and the time before does not count', () => {
  const pace = new ReaderPace();
  pace.isTooSlow(500, 500, 0, limits);
  expect(pace.isTooSlow(500, 0, 60_000, limits)).toBe(false);
  expect(pace.isTooSlow(600, 100, 120_000, limits)).toBe(false);
  expect(pace.isTooSlow(600, 100, 121_999, limits)).toBe(false);
  expect(pace.isTooSlow(600, 100, 122_000, limits)).toBe(true);
});

test('configurations of older releases get what was fixed then', () => {
  const config = (more: object, times: object) => ({ limits: more, timeouts: times }) as never;
  expect(paceLimits(config({}, {}))).toEqual({ graceMs: 30_000, bytesPerSecond: 16_384 });
  expect(paceLimits(config({ readBytesPerSecond: 7 }, { slowReaderMs: 8 }))).toEqual({ graceMs: 8, bytesPerSecond: 7 });
});
