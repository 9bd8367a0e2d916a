/**
 * The record of one installed package: written last, so an entry without it is an install that never finished.
 * Start reads this one file and nothing else: no lock file, no package manager, no network.
 */
import { readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export interface Bin {
  /** Relative to the entry's directory. */
  readonly file: string;
  /** `node` and `python`: given to that interpreter; `direct`: run as it is. */
  readonly run: 'node' | 'python' | 'direct';
  /** Options of the shebang line for the interpreter. */
  readonly options: readonly string[];
}

export interface PackageRecord {
  readonly format: 1;
  readonly kind: 'npm' | 'pypi';
  readonly package: string;
  readonly version: string;
  /** Hash over the whole resolved dependency tree: what `status.lock.hash` shows. */
  readonly lockHash: string;
  /** Of the package itself, as the lock file has it (npm). */
  readonly integrity?: string;
  readonly bins: Readonly<Record<string, Bin>>;
  readonly installedAt: string;
}

const fileName = 'quaymaster.json';

export function writeRecord(directory: string, record: PackageRecord): void {
  writeFileSync(path.join(directory, fileName), `${JSON.stringify(record, undefined, 2)}\n`);
}

/** Undefined when there is no finished install. */
export function readRecord(directory: string): PackageRecord | undefined {
  try {
    const record = JSON.parse(readFileSync(path.join(directory, fileName), 'utf8')) as PackageRecord;
    return record.format === 1 ? record : undefined;
  } catch {
    return undefined;
  }
}

/** Remembers that the entry is in use; `qm cache clean` goes by it. */
export function touchRecord(directory: string, nowMs: number): void {
  try {
    utimesSync(path.join(directory, fileName), nowMs / 1_000, nowMs / 1_000);
  } catch {
    // A read-only cache serves as well.
  }
}

export function lastUsed(directory: string): number {
  return statSync(path.join(directory, fileName), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
