/**
 * Who runs this project: a lock against a second `up`, and the record by which other commands find the hub.
 *
 * The lock holds the process id. A dead process's lock is taken over; a living one that answers no socket after a grace is another program
 * that got the same id, and is ignored too.
 */
import {
  closeSync,
  linkSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';

import { stateDirectory, type StateDirectory } from './state-directory.ts';

export interface RunRecord {
  readonly pid: number;
  readonly url: string;
  readonly health: string | undefined;
  readonly socket: string;
  readonly stateDirectory: string;
  readonly paths: readonly string[];
  readonly cwd: string;
  readonly startedAt: string;
  readonly version: string;
}

/** A hub that is being started has no socket yet. */
const startGraceMs = 15_000;

export type LockResult = { readonly kind: 'taken'; release(): void } | { readonly kind: 'held'; readonly pid: number };

export async function takeLock(state: StateDirectory, pid: number, now: () => number): Promise<LockResult> {
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      const file = openSync(state.lock, 'wx', 0o600);
      writeFileSync(file, String(pid));
      closeSync(file);
      return { kind: 'taken', release: () => releaseLock(state, pid) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const judged = identity(state.lock);
    const holder = await lockHolder(state, pid, now);
    if (holder !== undefined) return { kind: 'held', pid: holder };
    takeAway(state.lock, pid, judged);
  }
  throw new Error(`cannot take the lock ${state.lock}`);
}

/** Moved, looked at again, then removed: another process may have taken the place of the lock that was judged. */
function takeAway(lock: string, own: number, judged: string): void {
  const aside = `${lock}.${own}`;
  try {
    renameSync(lock, aside);
    // `link` gives it back only where no third process has been faster.
    if (identity(aside) !== judged) linkSync(aside, lock);
  } catch {
    // Somebody was faster; the loop looks again.
  }
  rmSync(aside, { force: true });
}

function identity(file: string): string {
  const found = statSync(file, { throwIfNoEntry: false });
  return found === undefined ? '' : `${found.ino} ${found.mtimeMs}`;
}

function releaseLock(state: StateDirectory, pid: number): void {
  if (readPid(state.lock) !== pid) return;
  rmSync(state.record, { force: true });
  if (process.platform !== 'win32') rmSync(state.socket, { force: true });
  rmSync(state.lock, { force: true });
}

/** Undefined when the lock is stale. */
async function lockHolder(state: StateDirectory, own: number, now: () => number): Promise<number | undefined> {
  const pid = readPid(state.lock);
  if (pid === undefined || !isAlive(pid)) return undefined;
  if (await answers(state.socket)) return pid;
  // In a container every hub is process 1: the lock of an earlier one names us.
  if (pid === own) return undefined;
  return now() - modified(state.lock) < startGraceMs ? pid : undefined;
}

function readPid(file: string): number | undefined {
  try {
    const pid = Number(readFileSync(file, 'utf8'));
    return Number.isInteger(pid) && pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}

function modified(file: string): number {
  try {
    return statSync(file).mtimeMs;
  } catch {
    return 0;
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Ended, but not fetched by its parent yet: in containers the first process often takes its time. Known on Linux only. */
function isZombie(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name before it may hold anything, brackets included.
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) === 'Z';
  } catch {
    return false;
  }
}

function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(socket);
    const done = (yes: boolean): void => {
      probe.destroy();
      resolve(yes);
    };
    probe.once('connect', () => done(true));
    probe.once('error', () => done(false));
    probe.setTimeout(1000, () => done(false));
  });
}

/** Whole or not at all: a reader never meets half a record. */
export function writeRecord(state: StateDirectory, record: RunRecord): void {
  const draft = `${state.record}.${record.pid}`;
  writeFileSync(draft, `${JSON.stringify(record, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(draft, state.record);
}

export function readRecord(state: StateDirectory): RunRecord | undefined {
  try {
    const record = JSON.parse(readFileSync(state.record, 'utf8')) as RunRecord;
    return isAlive(record.pid) ? record : undefined;
  } catch {
    return undefined;
  }
}

/** All hubs of this user that run now, oldest first. */
export function runningHubs(home: string): RunRecord[] {
  let names: string[];
  try {
    names = readdirSync(home);
  } catch {
    return [];
  }
  return names
    .flatMap((name) => readRecord(stateDirectory(path.join(home, name))) ?? [])
    .toSorted((a, b) => a.startedAt.localeCompare(b.startedAt));
}
