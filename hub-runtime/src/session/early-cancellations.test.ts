import { expect, test } from 'vitest';

import { createTestClock } from '../base/index.ts';
import { EarlyCancellations, earlyLimits } from './early-cancellations.ts';

test('HT-0.04 a cancellation waits for its request, for a moment and for one', async () => {
  const clock = createTestClock();
  const early = new EarlyCancellations(clock);
  expect(early.takes('1')).toBe(false);
  early.came('1');
  expect([early.takes('2'), early.takes('1'), early.takes('1')]).toEqual([false, true, false]);
  early.came('1');
  await clock.advance(earlyLimits.keepMs);
  expect(early.takes('1')).toBe(false);
});

test('HT-0.04 one for a call that has just ended is late, not early', () => {
  const early = new EarlyCancellations(createTestClock());
  for (let n = 0; n <= earlyLimits.ended; n++) early.ended(String(n));
  for (const key of ['0', '1', String(earlyLimits.ended)]) early.came(key);
  // The first has been forgotten by then.
  expect([early.takes('0'), early.takes('1'), early.takes(String(earlyLimits.ended))]).toEqual([true, false, false]);
});

test('EF-85 an endless id is not kept', () => {
  const early = new EarlyCancellations(createTestClock());
  const long = 'x'.repeat(earlyLimits.keyLength + 1);
  early.came(long);
  early.came(long.slice(1));
  expect([early.takes(long), early.takes(long.slice(1))]).toEqual([false, true]);
});

test('EF-85 no more of them wait than the limit: the oldest makes room', () => {
  const early = new EarlyCancellations(createTestClock());
  for (let n = 0; n <= earlyLimits.kept; n++) early.came(String(n));
  expect([early.takes('0'), early.takes('1'), early.takes(String(earlyLimits.kept))]).toEqual([false, true, true]);
});
