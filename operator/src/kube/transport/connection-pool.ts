/**
 * One undici pool for everything this process says to the API server, REST and watches alike. (client-node opens a TLS connection per
 * call: 200 GETs took 1,562 ms and left 425 descriptors open, one pool took 122 ms.)
 *
 * TLS material is asked for at each new connection, so a rotated CA or certificate needs no restart. `renew` replaces the pool, for a
 * certificate that the server refused; what runs on the old one ends in peace.
 *
 * Two modules of undici and not its index, which brings fetch, caches, mocks and WebSockets along: 7 MiB of memory that nobody here uses.
 */
import { createSecureContext } from 'node:tls';

import type { Dispatcher } from 'undici';
import buildConnector from 'undici/lib/core/connect.js';
import Pool from 'undici/lib/dispatcher/pool.js';

import type { TlsMaterial } from './credentials.ts';
import type { Endpoint } from './endpoint.ts';

export interface ConnectionPoolOptions {
  /** HTTP/2. Off by default: a soak of its own has to come first; h1 keeps one connection per watch. */
  readonly http2: boolean;
  /** Connections at most; a watch holds one on HTTP/1. */
  readonly maxConnections: number;
  readonly connectTimeoutMs: number;
}

export interface ConnectionPool {
  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void;
  renew(): void;
  close(): Promise<void>;
}

type Connector = ReturnType<typeof buildConnector>;

export function createConnectionPool(endpoint: Endpoint, options: ConnectionPoolOptions): ConnectionPool {
  let material: TlsMaterial | undefined;
  let connector: Connector | undefined;
  const connectorFor = (next: TlsMaterial): Connector => {
    if (connector !== undefined && next === material) return connector;
    // What cannot be read (a file caught half-written) throws, and is remembered in no case.
    const made = buildConnector({
      allowH2: options.http2,
      timeout: options.connectTimeoutMs,
      keepAlive: true,
      // A NAT or a dead node between us is noticed by TCP as well, below the watch's own idle limit.
      keepAliveInitialDelay: 15_000,
      rejectUnauthorized: endpoint.insecure !== true,
      ...(endpoint.serverName === undefined ? {} : { servername: endpoint.serverName }),
      // One for all connections: each of its own would parse the CA anew, and keep 27 KiB.
      secureContext: createSecureContext({
        ...(next.ca === undefined ? {} : { ca: next.ca }),
        ...(next.cert === undefined ? {} : { cert: next.cert }),
        ...(next.key === undefined ? {} : { key: next.key }),
      }),
    });
    material = next;
    connector = made;
    return made;
  };
  const connectWith = async (...[target, callback]: Parameters<Connector>): Promise<void> => {
    try {
      connectorFor(await endpoint.credentials.tls())(target, callback);
    } catch (error) {
      callback(error instanceof Error ? error : new Error(String(error)), null);
    }
  };
  const connect: Connector = (target, callback) => {
    void connectWith(target, callback);
  };
  const makePool = (): Pool =>
    new Pool(new URL(endpoint.server).origin, {
      connect,
      allowH2: options.http2,
      connections: options.maxConnections,
      pipelining: options.http2 ? 100 : 1,
      // Deadlines are ours, on the injected clock.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: 30_000,
    });
  let pool = makePool();
  const retired = new Set<Promise<void>>();
  return {
    dispatch(request, handler) {
      pool.dispatch(request, handler);
    },
    renew() {
      const old = pool;
      pool = makePool();
      connector = undefined;
      const closing = old.close().finally(() => retired.delete(closing));
      retired.add(closing);
    },
    async close() {
      await pool.destroy();
      await Promise.all(retired);
    },
  };
}
