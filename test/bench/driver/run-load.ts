/** Puts one plan's load on a target: a fixed number of connections, each with the next call as soon as it is free. */
import { Connection } from './connection.ts';
import type { Load, Plan } from './plan.ts';

export async function runLoad(plan: Plan): Promise<Load> {
  const connections = Array.from({ length: plan.connections }, (_, number) => new Connection(plan, number));
  await Promise.all(connections.map((one) => one.open()));
  const latencies: number[] = [];
  let started = 0;
  let failures = 0;
  let firstFailure: string | undefined;
  const fail = (what: string): void => {
    failures += 1;
    firstFailure ??= what;
  };
  const work = async (connection: Connection): Promise<void> => {
    while (started < plan.calls) {
      started += 1;
      const from = performance.now();
      try {
        const wrong = await connection.call();
        latencies.push(performance.now() - from);
        if (wrong !== undefined) fail(wrong);
      } catch (error) {
        fail(String(error));
        return;
      }
    }
  };
  const from = performance.now();
  await Promise.all(connections.map(work));
  const seconds = (performance.now() - from) / 1000;
  await Promise.all(connections.map((one) => one.close()));
  // A connection that died took its share of the calls with it: those were lost too.
  failures += Math.max(0, plan.calls - latencies.length - failures);
  latencies.sort((a, b) => a - b);
  const at = (share: number): number =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0;
  return {
    calls: latencies.length,
    failures,
    ...(firstFailure === undefined ? {} : { firstFailure }),
    seconds,
    callsPerSecond: latencies.length / seconds,
    p50Ms: at(0.5),
    p95Ms: at(0.95),
    p99Ms: at(0.99),
    maxMs: latencies.at(-1) ?? 0,
  };
}
