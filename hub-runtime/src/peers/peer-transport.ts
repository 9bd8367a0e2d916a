/**
 * Requests to other replicas: signed, over TLS that only replicas of this hub can speak, on connections that stay open.
 *
 * Nothing is queued: every request under way has a connection, and their number is bounded. `unsent` is said only when nothing was written,
 * so that whoever asks may try elsewhere without doing anything twice.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { type Dispatcher, Pool } from 'undici';

import type { Clock } from '../base/index.ts';
import type { KeyRing } from '../session/index.ts';
import type { Peer, PeerFailure } from './peer-list.ts';
import { pskClient } from './psk.ts';
import { type RequestMac, signatureHeader } from './request-mac.ts';

export interface PeerRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly string[];
  readonly body: Buffer | undefined;
}

/** What becomes of one request. After `failed` or `ended` nothing more is called. */
export interface AnswerHandler {
  started(status: number, headers: IncomingHttpHeaders): void;
  /** False pauses. */
  data(chunk: Buffer): boolean;
  ended(): void;
  failed(sent: boolean, error: Error): void;
}

const connectMs = 1_000;
/** Connections to one replica: each forwarded call and each forwarded stream has one. */
const mostConnections = 2_048;
const idleMs = 30_000;

export class PeerTransport {
  readonly #keys: KeyRing;
  readonly #mac: RequestMac;
  readonly #clock: Clock;
  /** By origin; those of replicas that are gone go with `keep`. */
  readonly #pools = new Map<string, Pool>();

  constructor(keys: KeyRing, mac: RequestMac, clock: Clock) {
    this.#clock = clock;
    this.#keys = keys;
    this.#mac = mac;
  }

  #pool(origin: string): Pool {
    let pool = this.#pools.get(origin);
    if (pool !== undefined) return pool;
    pool = new Pool(origin, {
      connections: mostConnections,
      pipelining: 1,
      allowH2: false,
      keepAliveTimeout: idleMs,
      // A call may take as long as its server does; a peer whose machine is gone is found by asking it (`forwards.ts`).
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: {
        ...pskClient(this.#keys),
        timeout: connectMs,
        maxCachedSessions: 0,
      },
    });
    this.#pools.set(origin, pool);
    return pool;
  }

  /** Cuts all that is under way to one replica: nothing will come of it. */
  cut(origin: string): void {
    const pool = this.#pools.get(origin);
    this.#pools.delete(origin);
    pool?.destroy().catch(() => {});
  }

  /** What is under way elsewhere ends by itself. */
  keep(origins: ReadonlySet<string>): void {
    for (const [origin, pool] of this.#pools) {
      if (origins.has(origin)) continue;
      this.#pools.delete(origin);
      pool.close().catch(() => {});
    }
  }

  send(peer: Peer, request: PeerRequest, handler: AnswerHandler): Exchange {
    const exchange = new Exchange(handler);
    const { method, url, headers, body } = request;
    const signature = this.#mac.sign(request, peer.id, body);
    this.#pool(peer.origin).dispatch(
      {
        path: url,
        method: method as Dispatcher.HttpMethod,
        headers: [...headers, signatureHeader, signature],
        body: body ?? null,
      },
      exchange,
    );
    return exchange;
  }

  /** A small message and its small answer. Rejects when there is none in time. */
  call(peer: Peer, url: string, message: unknown, timeoutMs: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      let status = 0;
      // Characters may lie across two of them.
      const chunks: Buffer[] = [];
      let size = 0;
      const body = Buffer.from(JSON.stringify(message));
      const request = { method: 'POST', url, headers: ['content-type', 'application/json'], body };
      const inTime = this.#clock.after(timeoutMs, () => exchange.abort(new PeerFailed('silent', 'no answer in time')));
      const exchange = this.send(peer, request, {
        started: (code) => void (status = code),
        data(chunk) {
          size += chunk.length;
          if (size <= mostAnswerBytes) chunks.push(chunk);
          else exchange.abort(new PeerFailed('silent', 'answer too large'));
          return true;
        },
        ended() {
          inTime();
          try {
            if (status === 200) resolve(JSON.parse(Buffer.concat(chunks).toString('utf8')));
            else reject(new PeerFailed('silent', `it answered ${status}`));
          } catch {
            reject(new PeerFailed('silent', 'it answered no JSON'));
          }
        },
        failed(sent, error) {
          inTime();
          reject(error instanceof PeerFailed ? error : new PeerFailed(failureOf(sent, error), codeOf(error)));
        },
      });
    });
  }

  async close(): Promise<void> {
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(pools.map((pool) => pool.destroy()));
  }
}

/** A claim brings streams along (copyLimits of session/), escaped. */
const mostAnswerBytes = 1024 * 1024;

/** Why a message got no answer. */
export class PeerFailed extends Error {
  readonly how: PeerFailure;

  constructor(how: PeerFailure, reason: string) {
    super(reason);
    this.how = how;
  }
}

/** Said by the machine, so that nobody can be there; everything else may pass. */
const nobodyThere = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL']);

export function failureOf(sent: boolean, error: Error): PeerFailure {
  return !sent && nobodyThere.has(codeOf(error)) ? 'dead' : 'silent';
}

/** A code, never a message: those of network libraries quote addresses and more. */
export function codeOf(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === 'string' ? code : 'connection failed';
}

/** One request under way, as undici's handler. */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #handler: AnswerHandler;
  #controller: Dispatcher.DispatchController | undefined;
  #aborted: Error | undefined;
  #over = false;

  constructor(handler: AnswerHandler) {
    this.#handler = handler;
  }

  abort(reason: Error): void {
    if (this.#over || this.#aborted !== undefined) return;
    this.#aborted = reason;
    this.#controller?.abort(reason);
    // Still waiting for its connection: `onRequestStart` gives it up, and whoever waits hears of it now.
    this.#fail(reason);
  }

  resume(): void {
    this.#controller?.resume();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#aborted !== undefined) controller.abort(this.#aborted);
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status >= 200 && !this.#over) this.#handler.started(status, headers);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#over && !this.#handler.data(chunk)) controller.pause();
  }

  onResponseEnd(): void {
    if (this.#over) return;
    this.#over = true;
    this.#handler.ended();
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    this.#fail(error);
  }

  #fail(error: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#handler.failed(this.#controller !== undefined, error);
  }
}
