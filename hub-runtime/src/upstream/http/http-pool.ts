/**
 * Connections to HTTP servers, shared by everything that talks to the same origin (HS-15).
 *
 * Two pools per origin: calls, and event streams that stay open. A stream holds its connection for hours; in one pool with the calls a few
 * dozen servers behind one gateway would leave nothing to call with. Redirects are never followed: a hop may not choose where
 * credentials go. HTTP/2 is off: cancelling one call must not touch its neighbours' connection state.
 */
import { Pool } from 'undici';

import { httpLimits } from './limits.ts';

export interface HttpPoolOptions {
  readonly connectionsPerOrigin?: number;
  readonly streamsPerOrigin?: number;
  readonly keepAliveMs?: number;
}

export interface HttpPoolStats {
  readonly origin: string;
  readonly connected: number;
  readonly free: number;
  /** Requests that wait for a connection. */
  readonly queued: number;
  readonly running: number;
}

/** One origin's connections, held by one conversation. `release` gives them back; the last one closes them. */
export interface OriginLease {
  readonly calls: Pool;
  readonly streams: Pool;
  release(): void;
}

export interface HttpPool {
  lease(origin: string, connectMs: number): OriginLease;
  stats(): readonly HttpPoolStats[];
  /** Cuts every connection. For the end of the process, after servers have been stopped. */
  close(): Promise<void>;
}

interface Entry {
  readonly origin: string;
  readonly calls: Pool;
  readonly streams: Pool;
  holders: number;
}

export function createHttpPool(options: HttpPoolOptions = {}): HttpPool {
  const entries = new Map<string, Entry>();
  const open = (origin: string, connections: number, connectMs: number): Pool =>
    new Pool(origin, {
      connections,
      pipelining: 1,
      allowH2: false,
      connectTimeout: connectMs,
      keepAliveTimeout: options.keepAliveMs ?? httpLimits.keepAliveMs,
      // Deadlines are the conversations' own: a timer per request would be paid on every call.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  return {
    lease(origin, connectMs) {
      const key = `${origin} ${connectMs}`;
      let entry = entries.get(key);
      if (entry === undefined) {
        entry = {
          origin,
          calls: open(origin, options.connectionsPerOrigin ?? httpLimits.connectionsPerOrigin, connectMs),
          streams: open(origin, options.streamsPerOrigin ?? httpLimits.streamsPerOrigin, connectMs),
          holders: 0,
        };
        entries.set(key, entry);
      }
      const held = entry;
      held.holders++;
      let released = false;
      return {
        calls: held.calls,
        streams: held.streams,
        release() {
          if (released) return;
          released = true;
          held.holders--;
          if (held.holders > 0) return;
          if (entries.get(key) === held) entries.delete(key);
          // Nothing waits for it: whoever released has ended its calls, and errors of a closing socket concern nobody.
          void Promise.allSettled([held.calls.close(), held.streams.destroy()]);
        },
      };
    },
    stats: () =>
      [...entries.values()].map(({ origin, calls, streams }) => ({
        origin,
        connected: calls.stats.connected + streams.stats.connected,
        free: calls.stats.free + streams.stats.free,
        queued: calls.stats.queued + streams.stats.queued,
        running: calls.stats.running + streams.stats.running,
      })),
    async close() {
      const all = [...entries.values()];
      entries.clear();
      await Promise.allSettled(all.flatMap(({ calls, streams }) => [calls.destroy(), streams.destroy()]));
    },
  };
}
