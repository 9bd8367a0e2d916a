/**
 * What a child may take of the machine: open files of each of its processes, kept by the kernel; memory of all of them together, looked at
 * by the hub every two seconds, which ends the whole group when it takes more, as a container would.
 *
 * Open files: Node cannot set limits of another process, so `prlimit` (util-linux) sets them and becomes the program: same process, same pid.
 * Memory is no such limit: what the kernel counts there is what runtimes reserve (an idle Node: half a gibibyte), not what they use.
 * What this machine cannot do is said (`notice`) and shown in the status of the server; the child runs all the same.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';

export interface ChildCaps {
  readonly memoryBytes?: number | undefined;
  readonly openFiles?: number | undefined;
}

export interface CappedCommand {
  readonly command: string;
  readonly args: readonly string[];
  /** What is not kept, and why. */
  readonly notice: string | undefined;
}

/** Of the machine; replaced in tests. */
export interface CapMachine {
  readonly isFile: (path: string) => boolean;
  /** Resident bytes of a process group; undefined: this system does not tell. */
  readonly groupMemory: (group: number) => number | undefined;
}

const places: readonly string[] = ['/usr/bin/prlimit', '/bin/prlimit', '/usr/local/bin/prlimit'];

export const thisMachine: CapMachine = {
  isFile: (path) => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false,
  groupMemory,
};

export function cappedCommand(
  { command, args }: { readonly command: string; readonly args: readonly string[] },
  { memoryBytes, openFiles }: ChildCaps,
  machine: CapMachine = thisMachine,
): CappedCommand {
  const prlimit = openFiles === undefined ? undefined : places.find(machine.isFile);
  const missing = [
    ...(memoryBytes !== undefined && machine.groupMemory(process.pid) === undefined
      ? ['limits.memory is not kept: this system does not tell what processes use']
      : []),
    ...(openFiles !== undefined && prlimit === undefined
      ? ['limits.openFiles is not kept: there is no prlimit (util-linux)']
      : []),
  ];
  const notice = missing.length === 0 ? undefined : missing.join('; ');
  if (prlimit === undefined) return { command, args, notice };
  return { command: prlimit, args: [`--nofile=${openFiles}`, '--', command, ...args], notice };
}

/** What is watched of a child. */
export interface WatchedChild {
  readonly pid: number;
  /** Ends it with all it started; `why` becomes its last words. */
  endFor(why: string): void;
}

const lookMs = 2_000;

/** The returned function ends the watch. */
export function watchMemory(
  child: WatchedChild,
  memoryBytes: number,
  every: (periodMs: number, look: () => void) => () => void,
  machine: CapMachine = thisMachine,
): () => void {
  const stop = every(lookMs, () => {
    const used = machine.groupMemory(child.pid) ?? 0;
    if (used <= memoryBytes) return;
    stop();
    child.endFor(`it used ${mebibytes(used)} MiB of memory, over spec.limits.memory (${mebibytes(memoryBytes)} MiB)`);
  });
  return stop;
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / 1_048_576);
}

/** The group of a process that is nobody's leader (ours, perhaps) counts as nothing used. Undefined: no /proc. */
function groupMemory(group: number): number | undefined {
  let names: string[];
  try {
    names = readdirSync('/proc');
  } catch {
    return undefined;
  }
  let bytes = 0;
  let told = false;
  for (const name of names) {
    if (!/^[0-9]+$/.test(name)) continue;
    try {
      // `pid (name) state parent group ...`: the name may hold anything.
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      told = true;
      if (Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ', 3)[2]) !== group) continue;
      const resident = /^VmRSS:\s+([0-9]+) kB/m.exec(readFileSync(`/proc/${name}/status`, 'latin1'))?.[1];
      bytes += Number(resident ?? 0) * 1024;
    } catch {
      // It has ended meanwhile, or is not ours to look at.
    }
  }
  return told ? bytes : undefined;
}
