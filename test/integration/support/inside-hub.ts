/**
 * What a running hub says of itself, for tests that compare before and after: its metrics, its memory by the kernel, and through the debugger
 * that every Node has (`--inspect`) its heap after a forced collection and what its event loop holds. Nothing of it is the hub's own doing.
 */
import { readFileSync } from 'node:fs';

import { type Manifest, type RunningHub, startHub } from './running-hub.ts';

export interface InsideHub extends Disposable {
  /** Gauges and counters by name, summed over their labels. */
  metrics(): Promise<ReadonlyMap<string, number>>;
  /** One of them with labels, as it is written. */
  metric(line: string): Promise<number>;
  /** Bytes in use after collections. */
  heap(): Promise<number>;
  /** Open resources of the event loop, by kind. */
  resources(): Promise<Readonly<Record<string, number>>>;
  /** Resident memory, bytes. */
  rss(): number;
  /** CPU seconds so far, user and system. */
  cpu(): number;
}

/** For `startHub`: a free port for the debugger, one for the metrics. */
export const insideFlags = {
  flags: ['--health-port', '0'],
  env: { NODE_OPTIONS: '--inspect=127.0.0.1:0' },
} as const;

export async function lookInside(hub: RunningHub): Promise<InsideHub> {
  const line = await hub.program.line(/ws:\/\/127\.0\.0\.1:[0-9]+\//, 10_000);
  const debug = await connectDebugger(/ws:\/\/\S+/.exec(line)?.[0] ?? '');
  const health = /\(health (http:\/\/[^)]+)\)/.exec(hub.program.stdout)?.[1] ?? '';
  const { pid } = hub.program;
  const scrape = async (): Promise<string> => (await fetch(`${health}/metrics`)).text();
  return {
    async metrics() {
      const sums = new Map<string, number>();
      for (const one of (await scrape()).split('\n')) {
        const match = /^([a-z_]+)(?:\{[^}]*\})? ([-+.0-9eE]+)$/.exec(one);
        if (match?.[1] !== undefined) sums.set(match[1], (sums.get(match[1]) ?? 0) + Number(match[2]));
      }
      return sums;
    },
    async metric(wanted) {
      const found = (await scrape()).split('\n').find((one) => one.startsWith(`${wanted} `));
      return found === undefined ? 0 : Number(found.slice(wanted.length + 1));
    },
    async heap() {
      // Twice: the first one runs finalizers whose memory the second one takes.
      for (let n = 0; n < 2; n++) await debug('HeapProfiler.collectGarbage');
      const { usedSize } = (await debug('Runtime.getHeapUsage')) as { usedSize: number };
      return usedSize;
    },
    async resources() {
      const expression = 'JSON.stringify(process.getActiveResourcesInfo())';
      const { result } = (await debug('Runtime.evaluate', { expression })) as { result: { value: string } };
      const counts: Record<string, number> = {};
      for (const kind of JSON.parse(result.value) as string[]) counts[kind] = (counts[kind] ?? 0) + 1;
      return counts;
    },
    rss: () => Number(/^VmRSS:\s+([0-9]+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024,
    cpu() {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /, '')
        .split(' ');
      return (Number(fields[11]) + Number(fields[12])) / 100;
    },
    [Symbol.dispose]: () => void debug('close'),
  };
}

export interface HubInView extends AsyncDisposable {
  readonly hub: RunningHub;
  readonly inside: InsideHub;
}

/** A hub that can be looked into. */
export async function startHubInView(manifests: readonly Manifest[]): Promise<HubInView> {
  const hub = await startHub(manifests, insideFlags);
  const inside = await lookInside(hub);
  return {
    hub,
    inside,
    async [Symbol.asyncDispose]() {
      inside[Symbol.dispose]();
      await hub[Symbol.asyncDispose]();
    },
  };
}

type Debugger = (method: string, params?: object) => Promise<unknown>;

async function connectDebugger(url: string): Promise<Debugger> {
  const socket = new WebSocket(url);
  const waiting = new Map<number, (value: unknown) => void>();
  let lastId = 0;
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () => resolve());
    socket.addEventListener('error', () => reject(new Error(`no debugger at ${url}`)));
  });
  socket.addEventListener('message', ({ data }) => {
    const message = JSON.parse(String(data)) as { id?: number; result?: unknown };
    if (message.id === undefined) return;
    waiting.get(message.id)?.(message.result);
    waiting.delete(message.id);
  });
  return (method, params = {}) => {
    if (method === 'close') {
      socket.close();
      return Promise.resolve();
    }
    const id = ++lastId;
    socket.send(JSON.stringify({ id, method, params }));
    return new Promise((resolve) => waiting.set(id, resolve));
  };
}
