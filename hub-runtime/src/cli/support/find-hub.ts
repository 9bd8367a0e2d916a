/**
 * Finds the running hub a command is meant for: the one named, the only one, or the one started from this directory.
 *
 * What it needs is loaded when it runs: commands that need no hub do not pay for it.
 */
import path from 'node:path';

import type { ControlClient } from '../../local/control/index.ts';
import type { RunRecord } from '../../local/state/index.ts';
import type { Cli } from './cli.ts';
import { CliError, exitCode } from './exit-codes.ts';
import type { TargetOptions } from './options.ts';

export interface FoundHub {
  readonly record: RunRecord;
  readonly client: ControlClient;
}

export async function findHub(cli: Cli, options: TargetOptions): Promise<FoundHub> {
  const { createControlClient } = await import('../../local/control/index.ts');
  const record = await findRecord(cli, options);
  return { record, client: createControlClient(record.socket) };
}

export async function findRecord(cli: Cli, options: TargetOptions): Promise<RunRecord> {
  const { readRecord, runningHubs, stateDirectory, stateHome } = await import('../../local/state/index.ts');
  const root = await stateRoot(cli, options);
  if (root !== undefined) {
    const record = readRecord(stateDirectory(root));
    if (record !== undefined) return record;
    throw new CliError(exitCode.noHub, 'this hub is not running', 'start it with `qm up -f PATH`');
  }
  const running = runningHubs(stateHome(cli.env));
  const [first, second] = running;
  if (first === undefined) throw new CliError(exitCode.noHub, 'no hub is running', 'start one with `qm up -f PATH`');
  if (second === undefined) return first;
  const here = running.filter((one) => one.cwd === cli.cwd);
  if (here.length === 1 && here[0] !== undefined) return here[0];
  const list = running.map((one) => `  ${one.url}  pid ${one.pid}  -f ${one.paths.join(' -f ')}  (in ${one.cwd})`);
  throw new CliError(
    exitCode.noHub,
    `${running.length} hubs are running:\n${list.join('\n')}`,
    'name one with its -f, or with --state-dir',
  );
}

/** The state directory that options or environment name; that of the project the files belong to; undefined when nothing is named. */
export async function stateRoot(cli: Cli, options: TargetOptions): Promise<string | undefined> {
  const named = options.stateDir ?? cli.env['QM_STATE_DIR'];
  if (named !== undefined && named !== '') return path.resolve(cli.cwd, named);
  if (options.file === undefined) return undefined;
  const { projectDirectory, stateHome } = await import('../../local/state/index.ts');
  return projectDirectory(stateHome(cli.env), options.file, cli.cwd);
}

/** `name` or `namespace/name` among keys. */
export function pickKey(what: string, name: string, keys: readonly string[]): string {
  const found = keys.filter((key) => key === name || key.split('/')[1] === name);
  const [only, another] = found;
  if (only !== undefined && another === undefined) return only;
  if (only !== undefined)
    throw new CliError(
      exitCode.no,
      `several ${what}s are called ${name}: ${found.join(', ')}`,
      'name it as namespace/name',
    );
  throw new CliError(
    exitCode.no,
    `there is no ${what} "${name}"`,
    keys.length === 0 ? '' : `there are: ${keys.join(', ')}`,
  );
}
