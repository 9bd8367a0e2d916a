/**
 * Bounds of connections, taken from the hubs behind them. One socket serves them all, so counts add up, and of two times the longer one holds.
 *
 * Applied when the listener starts and at each sweep: a changed configuration acts within a second, without a restart.
 */
import type { Server } from 'node:http';

import type { HubPort } from '../../exchange/index.ts';

/** Older configurations do not name them. */
export const defaultHeaders = 100;
const defaultConnections = 2_000;

/** How long a connection may take; node:http keeps these itself, in real time. Milliseconds. */
export interface ConnectionTimes {
  /** From the first byte of a request, or the connection, to the end of its headers. */
  readonly headersMs: number;
  /** From the first byte of a request to the last of its body. */
  readonly requestMs: number;
  /** Between two requests. */
  readonly idleMs: number;
  /** How often the first two are looked at. */
  readonly lookMs: number;
}

export const defaultTimes: ConnectionTimes = { headersMs: 10_000, requestMs: 30_000, idleMs: 60_000, lookMs: 1_000 };

/** What of a server the limits set. */
export type LimitedServer = Pick<Server, 'maxConnections' | 'headersTimeout' | 'requestTimeout'>;

export interface LimitOverrides {
  readonly maxConnections?: number;
  readonly times?: ConnectionTimes;
}

/** `streams`: open event streams, which have limits of their own and must not shut out calls. */
export function limitConnections(
  server: LimitedServer,
  hubs: Iterable<HubPort>,
  streams: number,
  { maxConnections, times }: LimitOverrides,
): void {
  let connections = 0;
  let headersMs = 0;
  let requestMs = 0;
  for (const { graph } of hubs) {
    const { limits, timeouts } = graph.config;
    connections += limits.connections ?? defaultConnections;
    headersMs = Math.max(headersMs, timeouts.headersMs ?? defaultTimes.headersMs);
    requestMs = Math.max(requestMs, timeouts.bodyMs ?? defaultTimes.requestMs);
  }
  server.maxConnections = (maxConnections ?? (connections === 0 ? defaultConnections : connections)) + streams;
  server.headersTimeout = times?.headersMs ?? (headersMs === 0 ? defaultTimes.headersMs : headersMs);
  server.requestTimeout = times?.requestMs ?? (requestMs === 0 ? defaultTimes.requestMs : requestMs);
}
