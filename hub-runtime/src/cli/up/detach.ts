/**
 * `qm up -d`: starts the same command line in a process of its own, waits until it has settled, and leaves it running.
 * `--no-detach` comes last there and wins, however the flag was written (`-dw`): it must never start itself again.
 *
 * The new process writes its events into a file of the state directory, not into a pipe that would break with this one.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import type { LocalEvent } from '../../local/run/index.ts';
import { stateDirectory } from '../../local/state/index.ts';
import { type Cli, CliError, exitCode, type ExitCode } from '../support/index.ts';
import { partlyLines, shortKey } from './plain-view.ts';
import { prepareState, projectRoot, type UpOptions } from './run-up.ts';

/** Longer than the hub itself waits for installations before it says `ready`. */
const longestStartMs = 360_000;
const pollMs = 50;

export async function detach(cli: Cli, options: UpOptions, argv: readonly string[]): Promise<void> {
  if (options.stdio === true) throw new CliError(exitCode.usage, '--stdio and -d exclude each other');
  if (options.file.includes('-'))
    throw new CliError(
      exitCode.usage,
      '-f - cannot be read by a hub in the background',
      'write the manifests into a file',
    );
  const state = stateDirectory(await projectRoot(cli, options));
  prepareState(state);
  const outFile = path.join(state.root, 'up.out');
  const errFile = path.join(state.root, 'up.err');
  const [out, err] = [openSync(outFile, 'w', 0o600), openSync(errFile, 'w', 0o600)];
  const [command, ...own] = cli.self;
  const child = spawn(command, [...own, ...argv, '--no-detach', '--output', 'json'], {
    cwd: cli.cwd,
    env: { ...cli.env } as NodeJS.ProcessEnv,
    detached: true,
    stdio: ['ignore', out, err],
  });
  closeSync(out);
  closeSync(err);
  let exited: ExitCode | undefined;
  child.once('exit', (code) => {
    exited = (code ?? exitCode.internal) as ExitCode;
  });
  child.once('error', () => {
    exited = exitCode.internal;
  });
  const ready = await waitReady(outFile, () => exited);
  const said = readFileSync(errFile, 'utf8').trimEnd();
  if (said !== '') cli.err(said);
  if (ready === undefined)
    throw new CliError(
      exited ?? exitCode.internal,
      exited === undefined ? `the hub has not settled within ${longestStartMs / 1000} s` : '',
    );
  child.unref();
  if (options.output === 'json') return cli.out(JSON.stringify({ ...ready, pid: child.pid }));
  for (const one of ready.waiting) cli.out(`not ready: ${shortKey(one.key)} (${one.phase}): ${one.message}`);
  for (const line of partlyLines(ready)) cli.out(line);
  cli.out(`ready ${ready.url}`);
}

type Ready = Extract<LocalEvent, { kind: 'ready' }>;

async function waitReady(file: string, exited: () => number | undefined): Promise<Ready | undefined> {
  for (let waited = 0; waited < longestStartMs; waited += pollMs) {
    const ready = readyIn(file);
    if (ready !== undefined || exited() !== undefined) return ready;
    await pause(pollMs);
  }
  return undefined;
}

function readyIn(file: string): Ready | undefined {
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (!line.startsWith('{"kind":"ready"')) continue;
    try {
      return JSON.parse(line) as Ready;
    } catch {
      return undefined; // Half a line; the next look has it whole.
    }
  }
  return undefined;
}
