/** Sums of test suites, as the reporter writes them: one JSON line per run. */
import { appendFileSync } from 'node:fs';

export interface Sums {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export const noSums: Sums = { passed: 0, failed: 0, skipped: 0 };

export function addSums(a: Sums, b: Sums): Sums {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

/** A file that is missing, empty or unreadable is one failure. */
export function readSums(path: string, read: (path: string) => string): Sums {
  try {
    const lines = read(path).split('\n').filter(Boolean);
    if (lines.length === 0) throw new Error('no sums');
    return lines.map((line) => JSON.parse(line) as Sums).reduce(addSums);
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

/** For suites that are no vitest runs. */
export function writeSums(sums: Sums): void {
  const file = process.env['QM_TEST_SUMS'];
  if (file !== undefined && file !== '') appendFileSync(file, `${JSON.stringify(sums)}\n`);
}
