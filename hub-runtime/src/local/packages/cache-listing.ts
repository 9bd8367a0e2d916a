/** What is in the cache, and giving it back: `qm cache list` and `qm cache clean`. */
import { type Dirent, lstatSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';

import { isHeld } from './install-lock.ts';
import { isInUse } from './in-use.ts';
import { lastUsed, readRecord } from './package-record.ts';

export interface CachedPackage {
  readonly kind: 'npm' | 'pypi';
  readonly package: string;
  readonly version: string;
  readonly directory: string;
  readonly bytes: number;
  /** Wall clock, milliseconds. */
  readonly installedAt: number;
  readonly lastUsed: number;
  /** A living hub runs from it. */
  readonly inUse: boolean;
}

export interface CleanReport {
  readonly removed: readonly CachedPackage[];
  readonly kept: number;
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
      const installedAt = Date.parse(record.installedAt);
      const about = { bytes: sizeOf(directory), installedAt, lastUsed: lastUsed(directory), inUse: isInUse(directory) };
      return [{ kind, package: name, version, directory, ...about }];
    }),
  );
}

/** Removes what no living hub uses and was not used for `unusedForMs`, and what interrupted installs left. */
export function cleanCache(root: string, unusedForMs: number, nowMs: number): CleanReport {
  const all = listCache(root);
  const idle = all.filter((one) => !one.inUse && !isHeld(`${one.directory}.lock`, nowMs));
  const removed = idle.filter((one) => nowMs - one.lastUsed >= unusedForMs);
  let bytes = 0;
  for (const one of removed) {
    rmSync(one.directory, { recursive: true, force: true });
    bytes += one.bytes;
  }
  let leftovers = 0;
  for (const directory of unfinished(root, nowMs)) {
    bytes += sizeOf(directory);
    rmSync(directory, { recursive: true, force: true });
    leftovers++;
  }
  return { removed, kept: all.length - removed.length, leftovers, bytes };
}

/** Entries without a record, staging directories and locks, unless their installer is at work. */
function unfinished(root: string, nowMs: number): readonly string[] {
  return kinds.flatMap((kind) =>
    entriesOf(path.join(root, kind)).flatMap((entry) => {
      const [key, ending] = entry.name.split('.', 2);
      const directory = path.join(root, kind, entry.name);
      if (isHeld(path.join(root, kind, `${key}.lock`), nowMs)) return [];
      const whole = path.join(root, kind, String(key));
      const stays = readRecord(whole) !== undefined && (ending === undefined || ending === 'used');
      return stays ? [] : [directory];
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
