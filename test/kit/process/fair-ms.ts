/**
 * Bars of time on machines that other work is done on.
 *
 * A bar is meant for a machine on which whatever runs has a core. With more to run than there are cores everything takes longer by that ratio,
 * the product and the test alike, and so may the bar; on a quiet machine it stays what it is.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';

export interface MachineLoad {
  readonly cores: number;
  /** Tasks that run or could, averaged over a minute. */
  readonly average: number;
  /** Right now; 0 where the system does not say. */
  readonly now: number;
}

/** `quietMs` where each task has a core; longer by the ratio of tasks to cores otherwise. */
export function fairMs(quietMs: number, load: MachineLoad = machineLoad()): number {
  return quietMs * Math.max(1, Math.max(load.average, load.now) / load.cores);
}

export function machineLoad(): MachineLoad {
  return { cores: availableParallelism(), average: loadavg()[0] ?? 0, now: runnable() };
}

/** Linux: the fourth field is `runnable/all`. */
function runnable(): number {
  try {
    return Number(/ (\d+)\/\d+ /.exec(readFileSync('/proc/loadavg', 'latin1'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
