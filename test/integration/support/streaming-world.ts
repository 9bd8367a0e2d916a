/** A hub before a server of large resources, and readers of both eras at any pace. */
import { connectLegacy, connectModern } from '../../kit/index.ts';
import type { EraName, KitClient } from '../../kit/index.ts';
import { insideFlags, type InsideHub, lookInside } from './inside-hub.ts';
import { type LargeServer, startLargeServer } from './large-server.ts';
import { type PacedAnswer, readPaced } from './paced-reader.ts';
import { mcpHub, mcpServer, type RunningHub, startHub } from './running-hub.ts';

export const mebibyte = 1_048_576;

export interface ReadOptions {
  readonly accept?: string;
  readonly hurry?: AbortSignal;
  readonly leave?: AbortSignal;
  readonly onBytes?: (total: number) => void;
  /** Instead of a new one. */
  readonly client?: KitClient;
}

export interface StreamingWorld extends AsyncDisposable {
  readonly hub: RunningHub;
  readonly inside: InsideHub;
  readonly server: LargeServer;
  /** Reads a resource of a server as a client of an era. */
  read(client: EraName, uri: string, bytesPerSecond: number, more?: ReadOptions): Promise<PacedAnswer>;
  /** How far resident memory rose while `work` ran, bytes; and how far it was then from before, which a process new to it may need. */
  growth<T>(work: () => Promise<T>): Promise<{ readonly value: T; readonly bytes: number; readonly jump: number }>;
}

/** `server`: the era of the one behind the hub. */
export async function startStreamingWorld(
  server: EraName,
  limits: object = {},
  timeouts: object = {},
): Promise<StreamingWorld> {
  const large = await startLargeServer(server);
  const hub = await startHub(
    [
      mcpHub({ limits: { ...limits }, timeouts: { ...timeouts } }),
      mcpServer('large', { source: { remote: { url: large.url } }, limits: { response: '4096Mi' } }),
    ],
    insideFlags,
  );
  const inside = await lookInside(hub);
  return {
    hub,
    inside,
    server: large,
    async read(era, uri, bytesPerSecond, { accept, client: given, ...more } = {}) {
      const client = given ?? (await (era === 'modern' ? connectModern(hub.url) : connectLegacy(hub.url)));
      await using _own = given === undefined ? client : undefined;
      const meta = era === 'modern' ? { _meta: client.envelope() } : {};
      const message = { jsonrpc: '2.0', id: `read ${uri}`, method: 'resources/read', params: { uri, ...meta } };
      const headers = client.headersFor(message.method, message.params);
      if (accept !== undefined) headers['accept'] = accept;
      const body = JSON.stringify(message);
      return readPaced({ url: hub.url, headers, body, bytesPerSecond, ...more });
    },
    async growth(work) {
      const before = inside.rss();
      const samples: number[] = [];
      const timer = setInterval(() => samples.push(inside.rss()), 50);
      try {
        const value = await work();
        // Buffers and the young generation of the heap find their size in the beginning; from then on it has to be flat.
        const eighth = Math.ceil(samples.length / 8);
        const early = samples.slice(eighth, 2 * eighth);
        const usual = early.reduce((sum, one) => sum + one, 0) / early.length;
        return { value, bytes: Math.max(...samples.slice(eighth)) - usual, jump: usual - before };
      } finally {
        clearInterval(timer);
      }
    },
    async [Symbol.asyncDispose]() {
      inside[Symbol.dispose]();
      await hub[Symbol.asyncDispose]();
      await large[Symbol.asyncDispose]();
    },
  };
}
