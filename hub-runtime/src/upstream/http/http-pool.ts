/**
 * Connections to HTTP servers, shared by everything that talks to the same origin (HS-15), or to one replica of it.
 *
 * Two pools each: calls, and event streams that stay open. A stream holds its connection for hours; in one pool with the calls a few
 * dozen servers behind one gateway would leave nothing to call with. Of a replica only the connection knows: Host header and TLS name stay
 * those of the origin, which is all that a server may know about itself.
 */
import { type Clock, systemClock } from '../../base/index.ts';
import { clientLimits, HttpClient } from '../../http-client/index.ts';
import { httpLimits } from './limits.ts';

export interface HttpPoolOptions {
  readonly clock?: Clock;
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
  readonly calls: HttpClient;
  readonly streams: HttpClient;
  release(): void;
}

export interface HttpPool {
  /** `address`: where the connections really go (`host:port`, IPv6 in brackets); the origin's own host when absent. */
  lease(origin: string, connectMs: number, address?: string): OriginLease;
  stats(): readonly HttpPoolStats[];
  /** Cuts every connection. For the end of the process, after servers have been stopped. */
  close(): void;
}

export function createHttpPool(options: HttpPoolOptions = {}): HttpPool {
  const entries = new Map<string, Connections>();
  const { connectionsPerOrigin: forCalls = httpLimits.connectionsPerOrigin } = options;
  const { streamsPerOrigin: forStreams = httpLimits.streamsPerOrigin } = options;
  const { keepAliveMs = httpLimits.keepAliveMs, clock = systemClock } = options;
  const readBuffer = readBuffers(process.platform);
  return {
    lease(origin, connectMs, address) {
      const key = address === undefined ? `${origin} ${connectMs}` : `${origin} ${connectMs} ${address}`;
      let entry = entries.get(key);
      if (entry === undefined) {
        const open = (connections: number): HttpClient =>
          new HttpClient({ clock, origin, address, connections, connectMs, keepAliveMs, readBuffer });
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
    close() {
      const all = [...entries.values()];
      entries.clear();
      for (const entry of all) entry.destroy();
    },
  };
}

class Connections {
  readonly calls: HttpClient;
  holders = 0;
  readonly #origin: string;
  readonly #openStreams: () => HttpClient;
  /** Made when one is opened: most servers announce nothing. */
  #streams: HttpClient | undefined;

  constructor(origin: string, calls: HttpClient, openStreams: () => HttpClient) {
    this.#origin = origin;
    this.calls = calls;
    this.#openStreams = openStreams;
  }

  get streams(): HttpClient {
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

  close(): void {
    this.calls.close();
    this.#streams?.destroy();
  }

  destroy(): void {
    this.calls.destroy();
    this.#streams?.destroy();
  }
}

/**
 * What is read is copied before the next read begins, so that one buffer serves every connection. Windows fills the buffer of a connection
 * while others are read: there each has its own.
 */
function readBuffers(platform: NodeJS.Platform): () => Buffer {
  if (platform === 'win32') return () => Buffer.allocUnsafeSlow(clientLimits.readBytes);
  const shared = Buffer.allocUnsafeSlow(clientLimits.readBytes);
  return () => shared;
}
