/** What is in the cache, and giving it back: `qm cache list` and `qm cache clean`. */
import { type Dirent, lstatSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';

import { isHeld } from './install-lock.ts';
import { lastUsed, readRecord } from './package-record.ts';

export interface CachedPackage {
  readonly kind: 'npm' | 'pypi';
  readonly package: string;
  readonly version: string;
  readonly directory: string;
  readonly bytes: number;
  /** Wall clock, milliseconds. */
  readonly lastUsed: number;
}

export interface CleanReport {
  readonly removed: readonly CachedPackage[];
  /** Left by interrupted installs. */
  readonly leftovers: number;
  readonly bytes: number;
}

const kinds = ['npm', 'pypi'] as const;

export function listCache(root: string): readonly CachedPackage[] {
  return kinds.flatMap((kind) =>
    entriesOf(path.join(root, kind)).flatMap((entry) => {
      const directory = path.join(root, kind, entry.name);
      const record = readRecord(directory);
      if (record === undefined || directory.endsWith('.part')) return [];
      const { package: name, version } = record;
      return [{ kind, package: name, version, directory, bytes: sizeOf(directory), lastUsed: lastUsed(directory) }];
    }),
  );
}

export function cleanCache(root: string, unusedForMs: number, nowMs: number): CleanReport {
  const removed = listCache(root).filter(
    (cached) => nowMs - cached.lastUsed >= unusedForMs && !isHeld(`${cached.directory}.lock`, nowMs),
  );
  let bytes = 0;
  for (const cached of removed) {
    rmSync(cached.directory, { recursive: true, force: true });
    bytes += cached.bytes;
  }
  let leftovers = 0;
  for (const directory of unfinished(root, nowMs)) {
    bytes += sizeOf(directory);
    rmSync(directory, { recursive: true, force: true });
    leftovers++;
  }
  return { removed, leftovers, bytes };
}

/** Entries without a record, staging directories and locks, unless their installer is at work. */
function unfinished(root: string, nowMs: number): readonly string[] {
  return kinds.flatMap((kind) =>
    entriesOf(path.join(root, kind)).flatMap((entry) => {
      const [key, ending] = entry.name.split('.', 2);
      const directory = path.join(root, kind, entry.name);
      if (isHeld(path.join(root, kind, `${key}.lock`), nowMs)) return [];
      return ending === undefined && readRecord(directory) !== undefined ? [] : [directory];
    }),
  );
}

function entriesOf(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  } catch {
    return [];
  }
}

function sizeOf(directory: string): number {
  let bytes = 0;
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const file = path.join(directory, entry.name);
    if (entry.isDirectory()) bytes += sizeOf(file);
    else bytes += lstatSync(file, { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}
