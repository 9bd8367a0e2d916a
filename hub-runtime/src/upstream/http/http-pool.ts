/**
 * Connections to HTTP servers, shared by everything that talks to the same origin (HS-15), or to one replica of it.
 *
 * Two pools each: calls, and event streams that stay open. A stream holds its connection for hours; in one pool with the calls a few
 * dozen servers behind one gateway would leave nothing to call with. Of a replica only the connection knows: Host header and TLS name stay
 * those of the origin, which is all that a server may know about itself. Redirects are never followed: a hop may not choose where
 * credentials go. HTTP/2 is off: cancelling one call must not touch its neighbours' connection state.
 */
import { buildConnector, Pool } from 'undici';

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

/**
 * One origin's connections, held by whoever talks to it. `release` gives them back: with the last one idle connections are closed at once,
 * those of calls under way when these have ended.
 */
export interface OriginLease {
  readonly calls: Pool;
  readonly streams: Pool;
  release(): void;
}

export interface HttpPool {
  /** `address`: where the connections really go (`host:port`, IPv6 in brackets); the origin's own host when absent. */
  lease(origin: string, connectMs: number, address?: string): OriginLease;
  stats(): readonly HttpPoolStats[];
  /** Cuts every connection. For the end of the process, after servers have been stopped. */
  close(): Promise<void>;
}

export function createHttpPool(options: HttpPoolOptions = {}): HttpPool {
  const entries = new Map<string, Connections>();
  const { connectionsPerOrigin: forCalls = httpLimits.connectionsPerOrigin } = options;
  const { streamsPerOrigin: forStreams = httpLimits.streamsPerOrigin } = options;
  const keepAliveTimeout = options.keepAliveMs ?? httpLimits.keepAliveMs;
  return {
    lease(origin, connectMs, address) {
      const key = address === undefined ? `${origin} ${connectMs}` : `${origin} ${connectMs} ${address}`;
      let entry = entries.get(key);
      if (entry === undefined) {
        const connect = address === undefined ? undefined : connectorTo(address, connectMs);
        const open = (connections: number): Pool =>
          new Pool(origin, {
            connections,
            keepAliveTimeout,
            pipelining: 1,
            allowH2: false,
            // Deadlines are the conversations' own: a timer per request would be paid on every call.
            headersTimeout: 0,
            bodyTimeout: 0,
            ...(connect === undefined ? { connectTimeout: connectMs } : { connect }),
          });
        entry = new Connections(origin, open(forCalls), () => open(forStreams));
        entries.set(key, entry);
      }
      const held = entry;
      held.holders++;
      let released = false;
      return {
        calls: held.calls,
        get streams() {
          return held.streams;
        },
        release() {
          if (released) return;
          released = true;
          held.holders--;
          if (held.holders > 0) return;
          if (entries.get(key) === held) entries.delete(key);
          held.close();
        },
      };
    },
    stats: () => [...entries.values()].map((entry) => entry.stats()),
    async close() {
      const all = [...entries.values()];
      entries.clear();
      await Promise.allSettled(all.map((entry) => entry.destroy()));
    },
  };
}

class Connections {
  readonly calls: Pool;
  holders = 0;
  readonly #origin: string;
  readonly #openStreams: () => Pool;
  /** Made when one is opened: most servers announce nothing. */
  #streams: Pool | undefined;

  constructor(origin: string, calls: Pool, openStreams: () => Pool) {
    this.#origin = origin;
    this.calls = calls;
    this.#openStreams = openStreams;
  }

  get streams(): Pool {
    return (this.#streams ??= this.#openStreams());
  }

  stats(): HttpPoolStats {
    const calls = this.calls.stats;
    const streams = this.#streams?.stats;
    return {
      origin: this.#origin,
      connected: calls.connected + (streams?.connected ?? 0),
      free: calls.free + (streams?.free ?? 0),
      queued: calls.queued + (streams?.queued ?? 0),
      running: calls.running + (streams?.running ?? 0),
    };
  }

  /** Nothing waits for it: whoever released has ended its calls, and errors of a closing socket concern nobody. */
  close(): void {
    void Promise.allSettled([this.calls.close(), this.#streams?.destroy()]);
  }

  async destroy(): Promise<void> {
    await Promise.allSettled([this.calls.destroy(), this.#streams?.destroy()]);
  }
}

/** Connects to one address whatever the origin says. */
function connectorTo(address: string, connectMs: number): buildConnector.connector {
  const at = address.lastIndexOf(':');
  const hostname = address.slice(0, at).replace(/^\[(.*)\]$/, '$1');
  const port = address.slice(at + 1);
  const connect = buildConnector({ timeout: connectMs, allowH2: false });
  return (options, callback) => connect({ ...options, hostname, port }, callback);
}
