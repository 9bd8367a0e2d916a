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
  // Timers of the clock never keep a process alive; the ref'ed one here keeps this test alive.
  let ticks = 0;
  const stop = systemClock.every(2, () => {
    ticks += 1;
  });
  await new Promise((resolve) => setTimeout(resolve, 30));
  stop();
  expect(ticks).toBeGreaterThan(1);
  expect(cancelled).toBe(false);
  expect(systemClock.monotonic()).toBeGreaterThan(before);
});
