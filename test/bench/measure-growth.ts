/**
 * Memory of a hub over very many calls: RSS at rest after each tenth of them.
 *
 * What is compared is the lowest of the later tenths with the first: garbage that waits for its collector comes and goes, what is kept stays.
 */
import { fork } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { until } from '../kit/index.ts';
import { drive } from './measure-scenario.ts';
import { usageOf } from './process-usage.ts';
import { manifestsFor, startDirect, startHub } from './running-target.ts';
import type { HubCommand } from './running-target.ts';

export interface GrowthResult {
  readonly calls: number;
  readonly failures: number;
  /** After each tenth. */
  readonly rssMiB: readonly number[];
  readonly grownMiB: number;
}

const tenths = 10;
const restMs = 1_500;

export async function measureGrowth(command: HubCommand, calls: number, connections: number): Promise<GrowthResult> {
  await using stack = new AsyncDisposableStack();
  const backend = stack.use(await startDirect('backend', ['--era', 'modern', '--tools', '1']));
  const scenario = { transport: 'http', era: 'modern', tools: 1 } as const;
  const hub = stack.use(await startHub(command, manifestsFor(scenario, backend.url)));
  const driver = fork(fileURLToPath(new URL('./driver/main.ts', import.meta.url)), { stdio: 'inherit' });
  stack.defer(() => void driver.kill());
  const plan = { url: hub.url, era: 'modern', method: 'tools/call', tool: 'echo', connections } as const;
  await until(async () => (await drive(driver, { ...plan, calls: 1, connections: 1 })).failures === 0, {
    because: 'the hub offers the tool',
    timeoutMs: 20_000,
    everyMs: 50,
  });
  const rssMiB: number[] = [];
  let failures = 0;
  for (let tenth = 0; tenth < tenths; tenth += 1) {
    failures += (await drive(driver, { ...plan, calls: Math.round(calls / tenths) })).failures;
    await sleep(restMs);
    rssMiB.push(usageOf(hub.pid).rssMiB);
  }
  const later = rssMiB.slice(tenths / 2);
  return { calls, failures, rssMiB, grownMiB: Math.min(...later) - (rssMiB[0] ?? Number.NaN) };
}
