/** Sums of test suites, as the reporter writes them: one JSON line per run. */
import { appendFileSync } from 'node:fs';

export interface Failure {
  /** File and title, or the name of the suite. */
  readonly test: string;
  /** The first line of what it said, and where. */
  readonly said: string;
}

export interface Sums {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** What failed, as far as it has a name of its own. */
  readonly failures?: readonly Failure[];
}

export const noSums: Sums = { passed: 0, failed: 0, skipped: 0 };

export function addSums(a: Sums, b: Sums): Sums {
  const failures = [...(a.failures ?? []), ...(b.failures ?? [])];
  return {
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    skipped: a.skipped + b.skipped,
    ...(failures.length > 0 ? { failures } : {}),
  };
}

/** A file that is missing, empty or unreadable is one failure. */
export function readSums(path: string, read: (path: string) => string): Sums {
  try {
    const lines = read(path).split('\n').filter(Boolean);
    if (lines.length === 0) throw new Error('no sums');
    return lines.map((line) => JSON.parse(line) as Sums).reduce(addSums);
  } catch {
    return {
      passed: 0,
      failed: 1,
      skipped: 0,
      failures: [{ test: path, said: 'left no sums: it crashed or ran nothing' }],
    };
  }
}

/** For suites that are no vitest runs. */
export function writeSums(sums: Sums): void {
  const file = process.env['QM_TEST_SUMS'];
  if (file !== undefined && file !== '') appendFileSync(file, `${JSON.stringify(sums)}\n`);
}

/**
 * What failed, for the last lines of a run: they are what a hosted runner keeps and what people look at, and the lines of a suite are
 * thousands above them.
 */
export function failureLines(failures: readonly Failure[], most = 20): readonly string[] {
  const lines = failures.slice(0, most).flatMap(({ test, said }) => [`FAILED ${test}`, `       ${clip(said)}`]);
  const more = failures.length - most;
  return more > 0 ? [...lines, `and ${more} more`] : lines;
}

function clip(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > 400 ? `${line.slice(0, 400)}...` : line;
}
