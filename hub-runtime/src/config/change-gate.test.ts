import { expect, test } from 'vitest';

import { createTestClock } from '../base/index.ts';
import { ChangeGate } from './change-gate.ts';

test('X-02 the first change runs at once, a burst behind it once', async () => {
  const clock = createTestClock();
  const runs: number[] = [];
  const gate = new ChangeGate(clock, () => runs.push(clock.monotonic()));
  for (let change = 0; change < 20; change++) gate.poke();
  expect(runs).toEqual([0]);
  await clock.advance(200);
  expect(runs).toEqual([0, 50]);
  gate.poke();
  expect(runs).toEqual([0, 50, 200]);
  gate.close();
  expect(clock.pending).toBe(0);
});

test('X-02 a storm without end runs ever less often, a quiet window forgives', async () => {
  const clock = createTestClock();
  let runs = 0;
  const gate = new ChangeGate(clock, () => runs++);
  const storm = clock.every(10, () => gate.poke());
  await clock.advance(10_000);
  expect(runs).toBeGreaterThan(10);
  expect(runs).toBeLessThan(25);
  storm();
  await clock.advance(2_500);
  const before = runs;
  gate.poke();
  gate.poke();
  await clock.advance(50);
  expect(runs).toBe(before + 2);
  gate.close();
});

test('work that takes long is done at most a fifth of the time', async () => {
  const clock = createTestClock();
  let extra = 0;
  let runs = 0;
  const slow = { ...clock, monotonic: () => clock.monotonic() + extra };
  const gate = new ChangeGate(slow, () => {
    runs++;
    extra += 100;
  });
  gate.poke();
  gate.poke();
  await clock.advance(499);
  expect(runs).toBe(1);
  await clock.advance(1);
  expect(runs).toBe(2);
  gate.close();
});

test('what waits can be had at once, and is not done twice', async () => {
  const clock = createTestClock();
  let runs = 0;
  const gate = new ChangeGate(clock, () => runs++);
  gate.flush();
  gate.poke();
  gate.poke();
  gate.flush();
  gate.flush();
  expect(runs).toBe(2);
  await clock.advance(500);
  expect(runs).toBe(2);
  gate.close();
});
