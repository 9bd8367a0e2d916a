/** What the tests judge by: calls that failed, and writes that nobody needed. */
import { setTimeout as pause } from 'node:timers/promises';

import type { Cluster } from '@quaymaster/cluster';
import { expect } from 'vitest';

import type { Load, LoadReport } from './load.ts';

/** What a call may die of whose replica, or whose server's process, was killed under it. */
const lost = /ECONNRESET|EPIPE|other side closed|QM_REPLICA_LOST|QM_SERVER_GONE/;
/** Sent this long before the end of the test's first failure, a call had to do with the same blow. */
const oneBlowMs = 3_000;

/** Calls that were sent while something moved are answered; then the tally. */
export async function tally(load: Load, quietMs = 500): Promise<LoadReport> {
  await pause(quietMs);
  await load.settled();
  const report = load.report();
  const { calls, failed, dialledAgain, p50, p95, longestMs } = report;
  console.log(
    `${calls} calls, ${failed.length} failed, ${dialledAgain} dialled again; p50 ${p50} ms, p95 ${p95} ms, longest ${longestMs} ms`,
  );
  return report;
}

export async function expectNoFailure(load: Load, atLeast = 100): Promise<void> {
  const { failed, calls } = await tally(load);
  expect(failed).toEqual([]);
  expect(calls).toBeGreaterThan(atLeast);
}

/** A blow costs what was under way, all at once, and nothing else: no session, and no call that was sent later. */
export async function expectOnlyLost(load: Load): Promise<void> {
  const { failed, calls } = await tally(load, oneBlowMs);
  expect(failed.filter(({ what }) => !lost.test(what))).toEqual([]);
  const ends = failed.map(({ atMs, tookMs }) => atMs + tookMs);
  expect(Math.max(...ends, 0) - Math.min(...ends, Number.POSITIVE_INFINITY)).toBeLessThan(oneBlowMs);
  expect(calls).toBeGreaterThan(100);
}

/** Writes of all our programs to the API server in that time, beyond what they cannot do without. */
export async function operatorWrites(cluster: Cluster, ms: number): Promise<readonly string[]> {
  const since = new Date();
  await pause(ms);
  return (await cluster.auditWrites(since))
    .filter(({ user }) => /^system:serviceaccount:(?:quaymaster-system|default):/.test(user))
    .map(({ verb, resource, namespace = '', name = '' }) => `${verb} ${resource} ${namespace}/${name}`)
    .filter((write) => !/^(?:update|patch) leases |^create tokenreviews /.test(write));
}
