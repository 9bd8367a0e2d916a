/** CPU time and memory of another process: from /proc on Linux, from `ps` elsewhere (hundredths of a second on macOS). */
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';

export interface Usage {
  /** User and system time of all threads, microseconds. Children count once they have ended and been waited for. */
  readonly cpuMicros: number;
  readonly rssMiB: number;
}

/** Clock ticks per second, in which /proc counts. */
const ticks = Number(tryRun('getconf', ['CLK_TCK']) ?? 100);
const pageBytes = Number(tryRun('getconf', ['PAGESIZE']) ?? 4096);

export function usageOf(pid: number): Usage {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Fields are counted after the command, which may hold anything: utime is the 12th, stime the 13th, rss the 22nd of the rest.
    const rest = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticked = ((Number(rest[11]) + Number(rest[12])) / ticks) * 1e6;
    return { cpuMicros: scheduledMicros(pid) ?? ticked, rssMiB: (Number(rest[21]) * pageBytes) / 1024 ** 2 };
  } catch {
    return fromPs(tryRun('ps', ['-o', 'rss=,time=', '-p', String(pid)]) ?? '');
  }
}

/** `rss` in KiB, then `[[days-]hours:]minutes:seconds[.hundredths]`. */
export function fromPs(line: string): Usage {
  const found = /^(\d+)\s+(?:(?:(\d+)-)?(\d+):)?(\d+):(\d+(?:\.\d+)?)$/.exec(line.trim());
  if (found === null) return { cpuMicros: Number.NaN, rssMiB: Number.NaN };
  const [rss = 0, days = 0, hours = 0, minutes = 0, seconds = 0] = found.slice(1).map((part) => Number(part ?? 0));
  return { cpuMicros: (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1e6, rssMiB: rss / 1024 };
}

/** The scheduler's own count in nanoseconds, where the kernel keeps it: ticks of 10 ms are too coarse for short rounds. */
function scheduledMicros(pid: number): number | undefined {
  try {
    // Node's threads live as long as the process, so none takes its share away with it.
    const threads = readdirSync(`/proc/${pid}/task`);
    const nanos = threads.map((thread) =>
      Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]),
    );
    const sum = nanos.reduce((all, one) => all + one, 0);
    return Number.isFinite(sum) && sum > 0 ? sum / 1000 : undefined;
  } catch {
    return undefined;
  }
}

function tryRun(command: string, args: string[]): string | undefined {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined;
  }
}
