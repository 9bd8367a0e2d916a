/**
 * Requests to one API server: authentication, deadlines, the client's own rate limit, typed errors, numbers.
 *
 * It retries exactly one thing: a 401 after which the credentials had something new. Every other repetition is decided by who knows the
 * purpose (queue, reflector, lease), with `classify` and `retryAfterMs`. It never logs, and no error carries a token.
 */
import type { Clock } from 'quaymaster/base';

import { type MetricSink, noMetrics } from '../metrics/index.ts';
import type { StatusBody } from '../objects/index.ts';
import { type Guard, type Handling, lineAnswer, type RawAnswer, type Settle, wholeAnswer } from './answer-handlers.ts';
import { createConnectionPool } from './connection-pool.ts';
import type { Endpoint } from './endpoint.ts';
import { errorFromStatus, KubeError } from './kube-error.ts';
import { pause } from './pause.ts';
import { createPerformer } from './perform.ts';
import { retryAfterMs } from './retry-after.ts';
import { createSignOfLife } from './sign-of-life.ts';
import { createTokenBucket } from './token-bucket.ts';
import { watchSilence } from './watch-silence.ts';

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface KubeRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Query | undefined;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly accept?: string;
  readonly timeoutMs?: number;
  /** Passes the client's own rate limit. For the lease: a leader must not lose its office to its own work. */
  readonly urgent?: boolean;
  /** Runs right before the bytes leave; throws to stop them. */
  readonly guard?: Guard | undefined;
}

export interface KubeAnswer {
  readonly status: number;
  readonly body: unknown;
}

export interface WatchRequest {
  readonly path: string;
  readonly query?: Query;
  readonly accept?: string;
  /** Longest silence, from the request on, before the connection counts as dead. Asked each time, since it may change as the stream goes on. */
  readonly idleMs: () => number;
  /** The server said yes; events may follow. */
  readonly onOpen?: () => void;
  /** One event. What it throws ends the watch with that error. */
  readonly onLine: (line: Buffer) => void;
}

export interface Transport {
  send(request: KubeRequest, signal?: AbortSignal): Promise<KubeAnswer>;
  /** Resolves when the server ends the stream, rejects on everything else. */
  watch(request: WatchRequest, signal?: AbortSignal): Promise<void>;
  /**
   * Resolves at the next sign of life of the API server (any answer below 500). Whoever waits after a network failure need not sit out a
   * back-off of half a minute when somebody else's request has just succeeded. Rejects when the signal fires.
   */
  nextAnswer(signal: AbortSignal): Promise<void>;
  /** Breaks off what is running and closes all connections. */
  close(): Promise<void>;
}

export interface TransportOptions {
  readonly endpoint: Endpoint;
  readonly clock: Clock;
  readonly userAgent: string;
  readonly metrics?: MetricSink;
  readonly http2?: boolean;
  /** Requests per second in the long run. */
  readonly perSecond?: number;
  readonly burst?: number;
  /** Requests under way or waiting for the rate limit; more are refused with KUBE_LIMIT. Urgent ones are not counted. */
  readonly maxPending?: number;
  readonly timeoutMs?: number;
  readonly maxAnswerBytes?: number;
  readonly maxLineBytes?: number;
  readonly maxConnections?: number;
}

export function createTransport(options: TransportOptions): Transport {
  const { endpoint, clock } = options;
  const metrics = options.metrics ?? noMetrics;
  const url = new URL(endpoint.server);
  const prefix = url.pathname.replace(/\/$/, '');
  const pool = createConnectionPool(endpoint, {
    http2: options.http2 ?? false,
    maxConnections: options.maxConnections ?? 256,
    connectTimeoutMs: 10_000,
  });
  const performer = createPerformer(pool);
  const bucket = createTokenBucket({ perSecond: options.perSecond ?? 100, burst: options.burst ?? 200 }, clock);
  const maxPending = options.maxPending ?? 2000;
  let pending = 0;
  const life = createSignOfLife();

  const pace = async (verb: string, signal: AbortSignal | undefined): Promise<void> => {
    const waitMs = bucket.reserve();
    if (waitMs === 0) return;
    metrics.observe('rest_client_rate_limiter_duration_seconds', { verb, host: url.host }, waitMs / 1000);
    await pause(clock, waitMs, signal);
  };

  /** Sends, and once more when a 401 could be answered with other credentials. Throws on every status from 300 on. */
  const authorized = async (
    what: string,
    wire: {
      readonly method: KubeRequest['method'];
      readonly path: string;
      readonly accept?: string | undefined;
      readonly contentType?: string;
    },
    body: string | null,
    handle: (settle: Settle<RawAnswer>) => Handling,
    limit: (abort: (error: Error) => void) => () => void,
    signal: AbortSignal | undefined,
  ): Promise<RawAnswer> => {
    for (let again = true; ; again = false) {
      const authorization = await endpoint.credentials.authorization(signal);
      const type = body === null ? undefined : wire.contentType;
      const headers = headersOf(endpoint, options.userAgent, authorization, wire.accept, type);
      const answer = await counted(what, { ...wire, headers, body }, handle, limit, signal);
      if (answer.status === 401 && again && (await endpoint.credentials.renew(authorization, signal))) {
        // A token is a header; a certificate belongs to the connection.
        if (authorization === undefined) pool.renew();
        continue;
      }
      if (answer.status >= 300) throw failure(what, answer, clock.now());
      return answer;
    }
  };

  const counted: typeof performer.run = async (what, wire, handle, limit, signal) => {
    const { method } = wire;
    try {
      const answer = await performer.run(what, wire, handle, limit, signal);
      metrics.count('rest_client_requests_total', { code: String(answer.status), method, host: url.host });
      if (answer.status < 500) life.heard();
      return answer;
    } catch (error) {
      metrics.count('rest_client_requests_total', { code: '<error>', method, host: url.host });
      throw error;
    }
  };

  const sendNow: Transport['send'] = async (request, signal) => {
    const what = `${request.method} ${request.path}`;
    const started = clock.monotonic();
    const timeoutMs = request.timeoutMs ?? options.timeoutMs ?? 30_000;
    const answer = await authorized(
      what,
      {
        method: request.method,
        path: prefix + request.path + queryText(request.query),
        accept: request.accept,
        contentType: request.contentType ?? 'application/json',
      },
      request.body === undefined ? null : JSON.stringify(request.body),
      (settle) => wholeAnswer(settle, options.maxAnswerBytes ?? 64 * 1024 * 1024, request.guard),
      (abort) =>
        clock.after(timeoutMs, () => {
          abort(new KubeError('KUBE_TIMEOUT', `${what}: no answer in ${timeoutMs} ms`));
        }),
      signal,
    );
    const elapsed = (clock.monotonic() - started) / 1000;
    metrics.observe('rest_client_request_duration_seconds', { verb: request.method, host: url.host }, elapsed);
    return { status: answer.status, body: parseBody(what, answer) };
  };

  return {
    async send(request, signal) {
      if (request.urgent === true) return await sendNow(request, signal);
      if (pending >= maxPending) {
        const text = `${request.method} ${request.path}: ${maxPending} requests are under way already`;
        throw new KubeError('KUBE_LIMIT', text, { retryAfterMs: 1000 });
      }
      pending += 1;
      try {
        await pace(request.method, signal);
        return await sendNow(request, signal);
      } finally {
        pending -= 1;
      }
    },
    async watch(request, signal) {
      const what = `WATCH ${request.path}`;
      const silence = watchSilence(clock, request.idleMs, what);
      await authorized(
        what,
        { method: 'GET', path: prefix + request.path + queryText(request.query), accept: request.accept },
        null,
        (settle) =>
          lineAnswer(settle, {
            onOpen: () => {
              life.heard();
              request.onOpen?.();
            },
            onBytes: silence.heard,
            onLine: request.onLine,
            maxLineBytes: options.maxLineBytes ?? 16 * 1024 * 1024,
          }),
        silence.start,
        signal,
      );
    },
    nextAnswer: life.next,
    async close() {
      performer.close();
      await pool.close();
    },
  };
}

function headersOf(
  endpoint: Endpoint,
  userAgent: string,
  authorization: string | undefined,
  accept = 'application/json',
  contentType?: string,
): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = { accept, 'user-agent': userAgent };
  for (const [name, value] of Object.entries(endpoint.headers ?? {})) {
    headers[name] = typeof value === 'string' ? value : [...value];
  }
  if (authorization !== undefined) headers['authorization'] = authorization;
  if (contentType !== undefined) headers['content-type'] = contentType;
  return headers;
}

function queryText(query: Query | undefined): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined) parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}

function parseBody(what: string, answer: RawAnswer): unknown {
  if (answer.body.length === 0) return undefined;
  try {
    return JSON.parse(answer.body.toString('utf8')) as unknown;
  } catch (error) {
    throw new KubeError('KUBE_PROTOCOL', `${what}: the answer is not JSON`, { status: answer.status, cause: error });
  }
}

function failure(what: string, answer: RawAnswer, nowMs: number): KubeError {
  let body: StatusBody | undefined;
  try {
    const parsed = JSON.parse(answer.body.toString('utf8')) as StatusBody;
    body = typeof parsed === 'object' && parsed !== null ? parsed : undefined;
  } catch {
    // Proxies and a starting API server answer in plain text.
    const text = answer.body.toString('utf8', 0, 200).trim();
    body = text === '' ? undefined : { message: `HTTP ${answer.status}: ${text}` };
  }
  const header = answer.headers['retry-after'];
  return errorFromStatus(answer.status, body, what, retryAfterMs(Array.isArray(header) ? header[0] : header, nowMs));
}
