/** Finds the running hub a command is meant for: the one named, the only one, or the one started from this directory. */
import { createControlClient, type ControlClient } from '../../local/control/index.ts';
import {
  projectDirectory,
  readRecord,
  runningHubs,
  type RunRecord,
  stateDirectory,
  stateHome,
} from '../../local/state/index.ts';
import type { Cli } from './cli.ts';
import { CliError, exitCode } from './exit-codes.ts';
import type { TargetOptions } from './options.ts';

export interface FoundHub {
  readonly record: RunRecord;
  readonly client: ControlClient;
}

export function findHub(cli: Cli, options: TargetOptions): FoundHub {
  const record = findRecord(cli, options);
  return { record, client: createControlClient(record.socket) };
}

/** The state directory that options and environment name, or the one of the project. */
export function stateRoot(cli: Cli, options: TargetOptions): string | undefined {
  const named = options.stateDir ?? cli.env['QM_STATE_DIR'];
  if (named !== undefined && named !== '') return named;
  return options.file === undefined ? undefined : projectDirectory(stateHome(cli.env), options.file, cli.cwd);
}

export function findRecord(cli: Cli, options: TargetOptions): RunRecord {
  const root = stateRoot(cli, options);
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
