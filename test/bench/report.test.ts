import { expect, test } from 'vitest';
import type { Sample, ScenarioResult } from './measure-scenario.ts';
import { barsLine, complaints, median, ratiosOf, table } from './report.ts';

const sample = (more: Partial<Sample> = {}): Sample => ({
  calls: 100,
  failures: 0,
  seconds: 1,
  callsPerSecond: 100,
  p50Ms: 1,
  p95Ms: 2,
  p99Ms: 3,
  maxMs: 4,
  cpuMicrosPerCall: 10,
  rssMiB: 50,
  ...more,
});
const result = (throughputRatios: number[], cpuRatios: number[], hub: Partial<Sample> = {}): ScenarioResult => ({
  scenario: 's',
  targets: [
    { target: 'relay', samples: [sample()] },
    { target: 'hub', samples: [sample(hub)] },
  ],
  throughputRatios,
  cpuRatios,
});

test('HS-30 the median of the rounds decides about the bars', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  const measured = result([0.4, 0.6, 0.7], [1.5, 1.7, 9]);
  expect(ratiosOf(measured)).toEqual({ throughput: 0.6, cpu: 1.7 });
  expect(complaints(measured, { minThroughputRatio: 0.5, maxCpuRatio: 1.8 }, undefined)).toEqual([]);
  expect(complaints(measured, { minThroughputRatio: 0.65 }, undefined)).toEqual([
    "s: calls/s are 0.60 of the relay's, the bar is 0.65",
  ]);
  expect(complaints(measured, { maxCpuRatio: 1.6 }, undefined)).toEqual([
    "s: CPU per call is 1.70 of the relay's, the bar is 1.6",
  ]);
});

test('HS-30 a loss of more than 10 % against the baseline is a complaint when every round shows it', () => {
  const baseline = { throughput: 0.6, cpu: 1.5 };
  expect(complaints(result([0.6], [1.7, 1.8]), {}, baseline)).toHaveLength(1);
  expect(complaints(result([0.6], [1.6, 1.9, 2.5]), {}, baseline)).toEqual([]);
});

test('HT-Q2 a wrong or lost answer is a complaint whatever the speed, also without a number', () => {
  const measured = result([0.9], [1], { failures: 2, firstFailure: 'payload a instead of b' });
  expect(complaints(measured, {}, undefined)).toEqual(['s: 2 failed calls on hub, first: payload a instead of b']);
  expect(complaints(result([Number.NaN], [Number.NaN]), { maxCpuRatio: 2 }, undefined)).toHaveLength(1);
});

test('one client alone has a bar of its own, and what was not measured misses it', () => {
  const measured = { ...result([1], [1]), soloMs: 3.25 };
  expect(complaints(measured, { maxSoloMs: 10 }, undefined)).toEqual([]);
  expect(complaints(measured, { maxSoloMs: 3 }, undefined)).toEqual([
    's: one client alone waits 3.25 ms, the bar is 3',
  ]);
  expect(complaints(result([1], [1]), { maxSoloMs: 3 }, undefined)).toHaveLength(1);
  expect(table(measured)).toContain('one client alone: 3.25 ms');
  expect(barsLine({ minThroughputRatio: 0.65, maxSoloMs: 10 })).toBe('bars: calls/s >= 0.65, alone <= 10 ms');
  expect(barsLine({})).toBeUndefined();
});

test('the table shows every target and both ratios with their spread', () => {
  const text = table(result([0.5, 0.6], [1.5, 1.6]));
  expect(text).toContain('relay');
  expect(text).toContain('hub / relay: calls/s 0.55 (0.50 0.60), CPU 1.55 (1.50 1.60)');
  expect(ratiosOf({ ...result([], []) })).toBeUndefined();
});
