/**
 * Runs a package manager to its end and keeps what it printed. In a group of its own, registered like every child: Ctrl-C during an install
 * leaves nothing behind. Output is bounded; the end of it is kept, where the reason of a failure stands.
 */
import { spawn } from 'node:child_process';

import type { Clock } from '../../base/index.ts';
import { type ChildRegistry, groupIsAlive, signalGroup } from '../../bridge/index.ts';
import type { Env } from './find-program.ts';

export interface ToolRun {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Env;
}

export interface ToolDeps {
  readonly children: ChildRegistry;
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Pieces of what it writes to stderr, while it runs. */
  readonly heard?: ((text: string) => void) | undefined;
}

export interface ToolEnd {
  readonly ok: boolean;
  readonly stdout: string;
  readonly stderr: string;
  /** Why it ended, when it did not end by itself. */
  readonly cut: 'timeout' | 'aborted' | undefined;
}

const keptChars = 256 * 1024;

export function runTool(run: ToolRun, deps: ToolDeps, signal: AbortSignal): Promise<ToolEnd> {
  return new Promise((resolve) => {
    const child = spawn(run.command, run.args, {
      cwd: run.cwd,
      env: run.env as NodeJS.ProcessEnv,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: process.platform !== 'win32',
      windowsHide: true,
    });
    let stdout = '';
    let stderr = '';
    let cut: ToolEnd['cut'];
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout = (stdout + chunk).slice(-keptChars)));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr = (stderr + chunk).slice(-keptChars);
      deps.heard?.(chunk);
    });
    const pid = child.pid;
    const registered =
      pid === undefined
        ? undefined
        : {
            pid,
            stop: async (): Promise<void> => {
              end('aborted');
              await over;
            },
          };
    let finished = (): void => {};
    const over = new Promise<void>((done) => (finished = done));
    const end = (why: 'timeout' | 'aborted'): void => {
      cut ??= why;
      if (pid !== undefined) signalGroup(pid, 'SIGKILL');
    };
    const abort = (): void => end('aborted');
    const cancel = deps.clock.after(deps.timeoutMs, () => end('timeout'));
    if (registered !== undefined) deps.children.add(registered);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    const settle = (ok: boolean): void => {
      cancel();
      signal.removeEventListener('abort', abort);
      // A package manager that ended by itself may have left helpers.
      if (pid !== undefined && groupIsAlive(pid)) signalGroup(pid, 'SIGKILL');
      if (registered !== undefined) deps.children.remove(registered);
      finished();
      resolve({ ok: ok && cut === undefined, stdout, stderr, cut });
    };
    child.once('error', (error) => {
      stderr += error.message;
      settle(false);
    });
    child.once('close', (code) => settle(code === 0));
  });
}
