/** Start-up time to listening and memory at rest of a hub without servers; median of a few starts. */
import { usageOf } from './process-usage.ts';
import { hubManifest, startHub } from './running-target.ts';
import type { HubCommand } from './running-target.ts';
import { median } from './report.ts';

export interface StartResult {
  /** From starting the process to `ready`. */
  readonly readyMs: number;
  readonly idleRssMiB: number;
  readonly samplesMs: readonly number[];
}

/** Long enough for start-up garbage to be collected or not, as on a real machine. */
const settleMs = 1_000;

export async function measureStart(hub: HubCommand, starts: number): Promise<StartResult> {
  const readyMs: number[] = [];
  const rss: number[] = [];
  for (let n = 0; n < starts; n += 1) {
    await using running = await startHub(hub, [hubManifest]);
    readyMs.push(running.readyMs);
    await new Promise((resolve) => setTimeout(resolve, settleMs));
    rss.push(usageOf(running.pid).rssMiB);
  }
  return { readyMs: median(readyMs), idleRssMiB: median(rss), samplesMs: readyMs };
}
