import { expect, test } from 'vitest';
import { usageOf } from './process-usage.ts';

test('HS-30 CPU time grows with work, memory is what the process says, a dead process has neither', () => {
  const before = usageOf(process.pid);
  const until = process.cpuUsage();
  while (process.cpuUsage(until).user < 30_000) Math.sqrt(Math.random());
  const spent = usageOf(process.pid).cpuMicros - before.cpuMicros;
  expect(spent).toBeGreaterThan(20_000);
  expect(before.rssMiB / (process.memoryUsage.rss() / 1024 ** 2)).toBeCloseTo(1, 0);
  expect(usageOf(2 ** 30)).toEqual({ cpuMicros: Number.NaN, rssMiB: Number.NaN });
});
