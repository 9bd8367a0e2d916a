import { expect, test } from 'vitest';
import { fromPs, usageOf } from './process-usage.ts';

test('HS-30 CPU time grows with work, memory is what the process says, a dead process has neither', () => {
  const before = usageOf(process.pid);
  const until = process.cpuUsage();
  while (process.cpuUsage(until).user < 30_000) Math.sqrt(Math.random());
  const spent = usageOf(process.pid).cpuMicros - before.cpuMicros;
  expect(spent).toBeGreaterThan(20_000);
  expect(before.rssMiB / (process.memoryUsage.rss() / 1024 ** 2)).toBeCloseTo(1, 0);
  expect(usageOf(2 ** 30)).toEqual({ cpuMicros: Number.NaN, rssMiB: Number.NaN });
});

test.each([
  ['  51200  0:01.25', 50, 1.25],
  ['1024 01:02:03', 1, 3723],
  ['1024 2-00:00:01', 1, 2 * 86_400 + 1],
])('HS-30 what ps says elsewhere is read: %s', (line, rssMiB, seconds) => {
  expect(fromPs(line)).toEqual({ cpuMicros: seconds * 1e6, rssMiB });
});
