import { expect, test } from 'vitest';

import { systemClock } from './clock.ts';

test('tells wall and monotonic time, and runs and cancels tasks', async () => {
  expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(1000);
  const before = systemClock.monotonic();
  let cancelled = false;
  const cancel = systemClock.after(5, () => {
    cancelled = true;
  });
  cancel();
  cancel();
  let ticks = 0;
  const stop = systemClock.every(2, () => {
    ticks += 1;
  });
  await expect.poll(() => ticks).toBeGreaterThan(1);
  stop();
  expect(cancelled).toBe(false);
  expect(systemClock.monotonic()).toBeGreaterThan(before);
});
