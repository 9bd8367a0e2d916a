/**
 * For inputs that never end: a second thread looks at what the first is doing, and when it has done nothing else for too long, writes that input
 * as a find and ends the process. Nothing else can: the first thread never comes back.
 */
import { writeSync } from 'node:fs';
import { Worker, workerData } from 'node:worker_threads';

import { writeFind } from './find.ts';

const mostBytes = 64 * 1024;
const nameBytes = 64;

export interface Watchdog {
  about(target: string, input: string): void;
  stop(): Promise<void>;
}

interface Watched {
  readonly shared: SharedArrayBuffer;
  readonly folder: string;
  readonly patienceMs: number;
}

/** Counter, length of the input, length of the name; then name and input. */
const headBytes = 12;

export function startWatchdog(folder: string, patienceMs = 60_000): Watchdog {
  const shared = new SharedArrayBuffer(headBytes + nameBytes + mostBytes);
  const head = new Int32Array(shared, 0, 3);
  const bytes = Buffer.from(shared, headBytes);
  const worker = new Worker(import.meta.filename, { workerData: { shared, folder, patienceMs } satisfies Watched });
  worker.unref();
  return {
    about(target, input) {
      head[1] = bytes.write(input, nameBytes, mostBytes, 'latin1');
      head[2] = bytes.write(target, 0, nameBytes, 'latin1');
      Atomics.add(head, 0, 1);
    },
    stop: async () => void (await worker.terminate()),
  };
}

function watch({ shared, folder, patienceMs }: Watched): void {
  const head = new Int32Array(shared, 0, 3);
  const bytes = Buffer.from(shared, headBytes);
  let last = -1;
  let since = performance.now();
  setInterval(() => {
    const now = Atomics.load(head, 0);
    if (now !== last) {
      last = now;
      since = performance.now();
      return;
    }
    if (now === 0 || performance.now() - since < patienceMs) return;
    const target = bytes.toString('latin1', 0, head[2]);
    const input = bytes.toString('latin1', nameBytes, nameBytes + (head[1] ?? 0));
    const path = writeFind(folder, { target, input, broke: `does not end within ${patienceMs} ms` }, 'does not end');
    writeSync(2, `FIND ${target}: does not end; ${path}\n`);
    process.kill(process.pid, 'SIGKILL');
  }, 500);
}

if (isWatched(workerData)) watch(workerData);

function isWatched(data: unknown): data is Watched {
  return typeof data === 'object' && data !== null && 'shared' in data && 'patienceMs' in data;
}
