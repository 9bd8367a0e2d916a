/**
 * Whether a level of cluster has to work on this machine.
 *
 * A machine of the right kind that lacks a program is no reason: there the tests fail and name the program. Only what nobody can install away
 * (another system, another user, cgroup v2) is one, and whoever runs the suites prints it.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';

/** control: a whole control plane with simulated nodes. node: a node that runs real Pods. */
export type Level = 'control' | 'node';

export interface MachineFacts {
  readonly platform: string;
  readonly arch: string;
  readonly root: boolean;
  readonly cgroup: 1 | 2;
  /** docker or podman, when its daemon answers. */
  readonly engine: string | undefined;
}

/** The reason why the level cannot be had here, or nothing when it has to work. */
export function whyNot(level: Level, facts: MachineFacts): string | undefined {
  if (facts.platform !== 'linux') return `clusters are made on Linux, and this is ${facts.platform}`;
  if (level === 'control' || facts.engine !== undefined) return undefined;
  const reasons: string[] = [];
  if (!facts.root) reasons.push('needs root');
  if (facts.cgroup === 2) reasons.push('needs cgroup v1');
  if (facts.arch !== 'x64') reasons.push('needs an amd64 processor');
  return reasons.length === 0 ? undefined : `no container engine answers, and without one it ${reasons.join(' and ')}`;
}

export async function machineFacts(): Promise<MachineFacts> {
  return {
    platform: process.platform,
    arch: process.arch,
    root: process.getuid?.() === 0,
    cgroup: existsSync('/sys/fs/cgroup/cgroup.controllers') ? 2 : 1,
    engine: await answeringEngine(['docker', 'podman']),
  };
}

/** The client alone is no engine: `info` fails when no daemon answers. */
async function answeringEngine(engines: readonly string[]): Promise<string | undefined> {
  for (const engine of engines) {
    const answers = await new Promise<boolean>((done) => {
      execFile(engine, ['info'], { timeout: 10_000 }, (error) => done(error === null));
    });
    if (answers) return engine;
  }
  return undefined;
}
