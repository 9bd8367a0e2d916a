/** Process trees as /proc tells them (Linux only: the tests that need it say so). */
import { readFileSync, readdirSync } from 'node:fs';

export interface ProcessInfo {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly state: string;
  readonly command: string;
}

/** Undefined when there is no such process, or it has no longer anything to run (zombie). */
export function processInfo(pid: number): ProcessInfo | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command may hold spaces and brackets: everything counts from the last closing one.
    const [state = '?', parent, group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (state === 'Z') return undefined;
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    return { pid, parent: Number(parent), group: Number(group), state, command };
  } catch {
    return undefined;
  }
}

export function isAlive(pid: number): boolean {
  return processInfo(pid) !== undefined;
}

/** Children, grandchildren and so on. Those that were orphaned meanwhile belong to nobody: look before you kill. */
export function descendants(pid: number): ProcessInfo[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => processInfo(Number(name)) ?? []);
  const found: ProcessInfo[] = [];
  let parents = new Set([pid]);
  while (parents.size > 0) {
    const next = all.filter((one) => parents.has(one.parent));
    found.push(...next);
    parents = new Set(next.map((one) => one.pid));
  }
  return found;
}
