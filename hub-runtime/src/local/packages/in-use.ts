/**
 * Which entries a living hub of this user runs from: one empty file per process beside the entry. `qm cache clean` leaves those alone.
 * Files of processes that are gone mean nothing; a reused pid only keeps an entry longer.
 */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { isAlive } from './install-lock.ts';

const ending = '.used';

export function markInUse(entry: string): void {
  try {
    mkdirSync(entry + ending, { recursive: true });
    writeFileSync(path.join(entry + ending, String(process.pid)), '');
  } catch {
    // A read-only cache serves as well.
  }
}

export function isInUse(entry: string): boolean {
  try {
    return readdirSync(entry + ending).some((name) => /^\d+$/.test(name) && isAlive(Number(name)));
  } catch {
    return false;
  }
}
