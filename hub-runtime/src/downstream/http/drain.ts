/**
 * The end of a listener: listen streams get their result, connections without a request close at once, calls in flight may finish
 * within the grace period, then everything that is left is cut.
 */
import type { Server } from 'node:http';

import type { Clock } from '../../base/index.ts';
import type { EdgeMap } from './edge-map.ts';

const pollMs = 20;

export async function drainEdges(
  edges: EdgeMap,
  server: Pick<Server, 'closeIdleConnections' | 'closeAllConnections'>,
  graceMs: number,
  clock: Clock,
): Promise<void> {
  const until = clock.monotonic() + graceMs;
  for (const edge of edges.all()) edge.drain();
  server.closeIdleConnections();
  while (edges.all().some((edge) => edge.calls.size > 0) && clock.monotonic() < until)
    await new Promise<void>((resolve) => clock.after(pollMs, resolve));
  for (const edge of edges.all()) edge.retire();
  // Last answers are on their way: let the sockets take them before the rest is cut.
  await new Promise<void>((resolve) => setImmediate(resolve));
  server.closeIdleConnections();
  server.closeAllConnections();
}
