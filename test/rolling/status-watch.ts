/** Follows `status.observedConfig` of a hub through a watch of kubectl's, with the moment at which each value was seen. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

import type { Cluster } from '@quaymaster/cluster';

import { until } from '../kit/index.ts';
import { readObserved } from './world.ts';

export interface Seen {
  readonly atMs: number;
  readonly complete: boolean;
  readonly generation: number;
}

export class StatusWatch implements Disposable {
  readonly seen: Seen[] = [];
  readonly #program: ChildProcess;

  private constructor(program: ChildProcess) {
    this.#program = program;
  }

  static async start(cluster: Cluster, hub: string): Promise<StatusWatch> {
    const words = ['get', `mcphubs.quaymaster.dev/${hub}`, '--watch', '-o', 'jsonpath={.status.observedConfig}{"\\n"}'];
    const program = spawn('kubectl', words, {
      env: { ...process.env, ...cluster.env, KUBECONFIG: cluster.kubeconfig },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const watch = new StatusWatch(program);
    createInterface(program.stdout).on('line', (line) => {
      watch.seen.push({ atMs: performance.now(), ...readObserved(line) });
    });
    await until(() => watch.seen.length > 0, { because: 'the watch has begun', timeoutMs: 15_000 });
    return watch;
  }

  get generation(): number {
    return this.seen.at(-1)?.generation ?? 0;
  }

  /** The first time that all replicas were on a newer generation. */
  acknowledgedAfter(generation: number, timeoutMs: number): Promise<Seen> {
    return until(() => this.seen.find((one) => one.complete && one.generation > generation), {
      because: `all replicas acknowledge what comes after generation ${generation}`,
      timeoutMs,
      everyMs: 2,
    });
  }

  [Symbol.dispose](): void {
    this.#program.kill('SIGKILL');
  }
}
