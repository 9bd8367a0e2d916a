import { expect, test } from 'vitest';

import { createTestClock } from './test-clock.ts';

test('runs due tasks in order of time, then of registration, and nothing early', async () => {
  const clock = createTestClock(1000);
  const seen: string[] = [];
  clock.after(20, () => seen.push('b'));
  clock.after(10, () => seen.push('a'));
  clock.after(20, () => seen.push('c'));
  clock.after(21, () => seen.push('late'));
  await clock.advance(20);
  expect(seen).toEqual(['a', 'b', 'c']);
  expect(clock.monotonic()).toBe(20);
  expect(clock.now()).toBe(1020);
  expect(clock.pending).toBe(1);
});

test('periodic tasks repeat until cancelled, also from within', async () => {
  const clock = createTestClock();
  let runs = 0;
  const cancel = clock.every(5, () => {
    runs += 1;
    if (runs === 3) cancel();
  });
  await clock.advance(100);
  expect(runs).toBe(3);
  expect(clock.pending).toBe(0);
});

test('promises settle between tasks, so a task may schedule the next one', async () => {
  const clock = createTestClock();
  const seen: number[] = [];
  const loop = async (): Promise<void> => {
    for (let i = 0; i < 3; i++) {
      await new Promise<void>((resolve) => {
        clock.after(10, resolve);
      });
      seen.push(clock.monotonic());
    }
  };
  const done = loop();
  await clock.advance(30);
  await done;
  expect(seen).toEqual([10, 20, 30]);
});
