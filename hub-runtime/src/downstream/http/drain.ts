/**
 * The end of a listener: listen streams get their result, connections without a request close at once, calls in flight may finish
 * within the grace period, then everything that is left is cut.
 *
 * Where others take over, it serves on first: whoever balances between replicas hears of an end when it hears of it, on a busy node seconds
 * late. So the end begins when nobody has come for a while, not after a fixed time. A while is one in which this process has listened: one that
 * was starved or stopped has heard nobody, and their requests lie unread. And a connection that is closed while it is idle may be the one that
 * its client chooses in this very moment: those that are left have some seconds to be used once more, for then their answer closes them.
 */
import type { Server } from 'node:http';

import type { Clock } from '../../base/index.ts';
import type { EdgeMap } from './edge-map.ts';

const pollMs = 20;
/** So long after the last connection or request nobody is expected any more. */
const quietMs = 1_000;
/** And so often has been looked, each time after everything that had arrived was read. */
const quietLooks = 25;
/** So long idle connections may stay after that, milliseconds. */
const idleMs = 5_000;

/** Who comes to a listener. */
export interface Arrivals {
  /** The last connection or request, monotonic milliseconds. */
  lastMs(): number;
  /** Open connections, idle ones too. */
  connections(): Promise<number>;
}

/**
 * Open listen streams get their result, so that their clients look elsewhere. Resolves when nobody comes any more, after `leaveMs`
 * milliseconds at the latest.
 */
export async function clientsLeave(edges: EdgeMap, arrivals: Arrivals, leaveMs: number, clock: Clock): Promise<void> {
  const began = clock.monotonic();
  for (const edge of edges.all()) edge.endListening();
  let heardMs = arrivals.lastMs();
  let looks = 0;
  for (let now = began; now < began + leaveMs; now = clock.monotonic()) {
    const lastMs = arrivals.lastMs();
    looks = lastMs === heardMs ? looks + 1 : 0;
    heardMs = lastMs;
    if (looks >= quietLooks && now - Math.max(began, heardMs) >= quietMs) {
      // Once more at the very last: connections without a request are closed right after this.
      const isEmpty = now - Math.max(began, heardMs) >= quietMs + idleMs || (await arrivals.connections()) === 0;
      await sockets();
      if (isEmpty && arrivals.lastMs() === heardMs) return;
    }
    await pause(clock);
  }
}

/** Everything that has arrived is read. */
function sockets(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
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
  while (edges.all().some((edge) => edge.owed > 0) && clock.monotonic() < until) {
    await pause(clock);
    for (const edge of edges.all()) edge.letGo();
  }
  for (const edge of edges.all()) edge.retire();
  // Last answers are on their way: let the sockets take them before the rest is cut.
  await sockets();
  server.closeIdleConnections();
  server.closeAllConnections();
}
