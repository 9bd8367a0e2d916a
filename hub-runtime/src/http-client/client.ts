/**
 * The connections to one origin, or to one address that serves it: calls take a free one, open one more, or wait for their turn.
 *
 * Redirects are never followed: a hop may not choose where credentials go. HTTP/1.1 only: cancelling one call must not touch its
 * neighbours'. Nothing is sent twice, and deadlines are the caller's.
 */
import type { Clock } from '../base/index.ts';
import { HttpClientError } from './client-error.ts';
import { Connection, type ConnectionOwner, type Destination } from './connection.ts';
import type { AnswerHandler, ClientRequest, Withdrawal, WrittenRequest } from './exchange.ts';
import { clientLimits } from './limits.ts';
import { writtenRequest } from './written-request.ts';

export interface HttpClientOptions {
  readonly clock: Clock;
  /** `http:` or `https:`, host and port. */
  readonly origin: string;
  /** Where connections really go: `host:port`, IPv6 in brackets. Host header and certificate stay the origin's. */
  readonly address?: string | undefined;
  /** Connections at once. */
  readonly connections: number;
  readonly connectMs: number;
  /** An idle connection is kept this long unless the server says otherwise, milliseconds. */
  readonly keepAliveMs: number;
  readonly readBuffer: () => Buffer;
}

export interface HttpClientStats {
  readonly connected: number;
  readonly free: number;
  /** Requests that wait for a connection. */
  readonly queued: number;
  readonly running: number;
}

export class HttpClient implements ConnectionOwner, Withdrawal {
  readonly clock: Clock;
  readonly destination: Destination;
  readonly connectMs: number;
  readonly keepAliveMs: number;
  readonly readBuffer: () => Buffer;
  tlsSession: Buffer | undefined = undefined;
  readonly #most: number;
  readonly #all = new Set<Connection>();
  /** The one used last is used first, so that few stay open. */
  readonly #free: Connection[] = [];
  readonly #waiting = new Map<AnswerHandler, WrittenRequest>();
  #connecting = 0;
  #state: 'open' | 'closing' | 'closed' = 'open';
  #stopSweep: (() => void) | undefined;

  constructor(options: HttpClientOptions) {
    this.clock = options.clock;
    this.destination = destinationOf(options.origin, options.address);
    this.connectMs = options.connectMs;
    this.keepAliveMs = options.keepAliveMs;
    this.readBuffer = options.readBuffer;
    this.#most = options.connections;
  }

  get stats(): HttpClientStats {
    const connected = this.#all.size - this.#connecting;
    const free = this.#free.length;
    return { connected, free, queued: this.#waiting.size, running: connected - free };
  }

  dispatch(request: ClientRequest, handler: AnswerHandler): void {
    if (this.#state !== 'open') {
      handler.onError(new HttpClientError('CLIENT_CLOSED'));
      return;
    }
    const written = writtenRequest(request, this.destination.authority);
    if (written === undefined) {
      handler.onError(new HttpClientError('BAD_REQUEST_HEADER'));
      return;
    }
    const connection = this.#takeFree();
    if (connection !== undefined) {
      connection.send(written, handler);
      return;
    }
    this.#waiting.set(handler, written);
    handler.onWaiting(this);
    this.#openWanted();
  }

  /** Takes no more requests, and closes what is idle; the others end with their answers. */
  close(): void {
    if (this.#state === 'open') this.#state = 'closing';
    this.#closeIdle();
  }

  /** Cuts everything. */
  destroy(): void {
    this.#state = 'closed';
    this.#fail(this.#waiting.size, closed());
    for (const connection of this.#all) connection.destroy(closed());
    this.#closeIdle();
  }

  /** Of a request that still waits. */
  abort(handler: AnswerHandler): void {
    this.#waiting.delete(handler);
  }

  onConnected(): void {
    this.#connecting--;
  }

  onFree(connection: Connection): void {
    for (const [handler, request] of this.#waiting) {
      this.#waiting.delete(handler);
      connection.send(request, handler);
      return;
    }
    if (this.#state !== 'open') {
      connection.destroy(closed());
      return;
    }
    this.#free.push(connection);
    this.#stopSweep ??= this.clock.every(clientLimits.sweepMs, () => this.#sweep());
  }

  onRefused(connection: Connection, error: Error): void {
    this.#connecting--;
    this.#all.delete(connection);
    // With others standing it may be this attempt's bad luck; without any, everybody who waits would meet the same.
    const unlucky = this.#all.size > this.#connecting ? 1 : this.#waiting.size;
    this.#fail(unlucky, error);
    this.#openWanted();
  }

  onGone(connection: Connection): void {
    this.#all.delete(connection);
    const at = this.#free.indexOf(connection);
    if (at !== -1) this.#free.splice(at, 1);
    this.#openWanted();
  }

  #takeFree(): Connection | undefined {
    if (this.#free.length === 0) return undefined;
    const now = this.clock.monotonic();
    for (;;) {
      const connection = this.#free.pop();
      if (connection === undefined || now < connection.usableUntil) return connection;
      connection.destroy(closed());
    }
  }

  /** As many as wait, within the bound. */
  #openWanted(): void {
    while (this.#state !== 'closed' && this.#connecting < this.#waiting.size && this.#all.size < this.#most) {
      this.#connecting++;
      this.#all.add(new Connection(this));
    }
  }

  /** Those that have waited longest. */
  #fail(count: number, error: Error): void {
    for (const handler of [...this.#waiting.keys()].slice(0, count)) {
      if (this.#waiting.delete(handler)) handler.onError(error);
    }
  }

  #closeIdle(): void {
    for (const connection of this.#free.splice(0)) connection.destroy(closed());
    this.#stopSweep?.();
    this.#stopSweep = undefined;
  }

  #sweep(): void {
    const now = this.clock.monotonic();
    // Destroying one takes it out of the list.
    for (const connection of this.#free.filter((one) => now >= one.usableUntil)) connection.destroy(closed());
    for (const connection of this.#free) connection.quieten();
    if (this.#free.length === 0) this.#closeIdle();
  }
}

function closed(): HttpClientError {
  return new HttpClientError('CLIENT_CLOSED');
}

/** Throws TypeError when `origin` is none. */
function destinationOf(origin: string, address: string | undefined): Destination {
  const { protocol, hostname, host, port } = new URL(origin);
  const isSecure = protocol === 'https:';
  const serverName = unbracketed(hostname);
  const at = address?.lastIndexOf(':') ?? -1;
  if (address === undefined || at === -1)
    return { isSecure, authority: host, serverName, host: serverName, port: Number(port || (isSecure ? 443 : 80)) };
  return {
    isSecure,
    authority: host,
    serverName,
    host: unbracketed(address.slice(0, at)),
    port: Number(address.slice(at + 1)),
  };
}

function unbracketed(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}
