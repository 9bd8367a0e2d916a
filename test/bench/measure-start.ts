/**
 * Start-up time to listening and memory at rest of a hub without servers; medians of a few starts. Each is beside the start of a Node that
 * listens and does nothing: times of this kind are the machine's as much as the program's.
 */
import { spawnProgram } from '../kit/index.ts';
import { usageOf } from './process-usage.ts';
import { hubManifest, startHub } from './running-target.ts';
import type { HubCommand } from './running-target.ts';
import { median } from './report.ts';

export interface StartResult {
  /** From starting the process to `ready`. */
  readonly readyMs: number;
  /** The same of a Node that listens and does nothing. */
  readonly bareMs: number;
  readonly idleRssMiB: number;
  readonly samplesMs: readonly number[];
}

/** Long enough for start-up garbage to be collected or not, as on a real machine. */
const settleMs = 1_000;
const bare = "require('node:http').createServer().listen(0, '127.0.0.1', () => console.log('ready'))";

export async function measureStart(hub: HubCommand, starts: number): Promise<StartResult> {
  const readyMs: number[] = [];
  const bareMs: number[] = [];
  const rss: number[] = [];
  for (let n = 0; n < starts; n += 1) {
    await using running = await startHub(hub, [hubManifest]);
    readyMs.push(running.readyMs);
    await new Promise((resolve) => setTimeout(resolve, settleMs));
    rss.push(usageOf(running.pid).rssMiB);
    bareMs.push(await bareStart());
  }
  return { readyMs: median(readyMs), bareMs: median(bareMs), idleRssMiB: median(rss), samplesMs: readyMs };
}

async function bareStart(): Promise<number> {
  const from = performance.now();
  await using running = spawnProgram(process.execPath, ['-e', bare]);
  await running.line(/^ready/);
  return performance.now() - from;
}
