/**
 * The end of a listener: listen streams get their result, connections without a request close at once, calls in flight may finish
 * within the grace period, then everything that is left is cut.
 */
import type { Server } from 'node:http';

import type { Clock } from '../../base/index.ts';
import type { EdgeMap } from './edge-map.ts';

const pollMs = 20;

/** Open listen streams get their result, so that their clients look elsewhere; ends early when no connection is left. */
export async function clientsLeave(
  edges: EdgeMap,
  server: Pick<Server, 'getConnections'>,
  leaveMs: number,
  clock: Clock,
): Promise<void> {
  const until = clock.monotonic() + leaveMs;
  for (const edge of edges.all()) edge.endListening();
  while (clock.monotonic() < until && (await connections(server)) > 0) await pause(clock);
}

function connections(server: Pick<Server, 'getConnections'>): Promise<number> {
  return new Promise((resolve) => server.getConnections((error, count) => resolve(error === null ? count : 0)));
}

function pause(clock: Clock): Promise<void> {
  return new Promise((resolve) => void clock.after(pollMs, resolve));
}

export async function drainEdges(
  edges: EdgeMap,
  server: Pick<Server, 'closeIdleConnections' | 'closeAllConnections'>,
  graceMs: number,
  clock: Clock,
): Promise<void> {
  const until = clock.monotonic() + graceMs;
  for (const edge of edges.all()) edge.drain();
  server.closeIdleConnections();
  while (edges.all().some((edge) => edge.calls.size + edge.forwards > 0) && clock.monotonic() < until)
    await pause(clock);
  for (const edge of edges.all()) edge.retire();
  // Last answers are on their way: let the sockets take them before the rest is cut.
  await new Promise<void>((resolve) => setImmediate(resolve));
  server.closeIdleConnections();
  server.closeAllConnections();
}
