/**
 * One installer per package at a time, across processes: a directory, since `mkdir` is atomic everywhere.
 *
 * The holder touches it every few seconds. A lock counts as left behind when its process is gone (same machine) or it has not been
 * touched for half a minute (home directories shared between machines); then it is taken over.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';

import type { Clock } from '../../base/index.ts';

const beatMs = 5_000;
const staleMs = 30_000;
const lookMs = 100;

interface Owner {
  readonly pid: number;
  readonly host: string;
}

/** Resolves with the function that gives the lock back. `waiting` is called once when somebody else holds it. */
export async function acquireLock(
  directory: string,
  clock: Clock,
  waiting: () => void,
  signal: AbortSignal,
): Promise<() => void> {
  let told = false;
  for (;;) {
    signal.throwIfAborted();
    if (take(directory)) {
      const stop = clock.every(beatMs, () => beat(directory, clock.now()));
      return () => {
        stop();
        rmSync(directory, { recursive: true, force: true });
      };
    }
    if (isStale(directory, clock.now())) {
      takeAway(directory, clock.now());
      continue;
    }
    if (!told) waiting();
    told = true;
    await new Promise<void>((resolve) => clock.after(lookMs, resolve));
  }
}

function take(directory: string): boolean {
  try {
    mkdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
  writeFileSync(path.join(directory, 'owner.json'), JSON.stringify({ pid: process.pid, host: hostname() }));
  return true;
}

/** Moved first, looked at again, then removed: somebody may have taken the place of the lock that was judged. */
function takeAway(directory: string, nowMs: number): void {
  const aside = `${directory}.${process.pid}`;
  try {
    renameSync(directory, aside);
    if (!isStale(aside, nowMs)) renameSync(aside, directory);
    else rmSync(aside, { recursive: true, force: true });
  } catch {
    // Another process was faster; the loop looks again.
  }
}

function beat(directory: string, nowMs: number): void {
  try {
    utimesSync(directory, nowMs / 1_000, nowMs / 1_000);
  } catch {
    // Somebody cleaned the cache meanwhile; the install will fail by itself.
  }
}

/** True while a living installer holds it. */
export function isHeld(directory: string, nowMs: number): boolean {
  return statSync(directory, { throwIfNoEntry: false }) !== undefined && !isStale(directory, nowMs);
}

function isStale(directory: string, nowMs: number): boolean {
  const found = statSync(directory, { throwIfNoEntry: false });
  if (found === undefined) return true;
  if (nowMs - found.mtimeMs > staleMs) return true;
  try {
    const owner = JSON.parse(readFileSync(path.join(directory, 'owner.json'), 'utf8')) as Owner;
    return owner.host === hostname() && !isAlive(owner.pid);
  } catch {
    // Just being taken.
    return false;
  }
}

/** True while a process of that id runs on this machine. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
