/**
 * `qm up` in the foreground: load, show what is wrong, run until a signal, end in order.
 */
import path from 'node:path';

import { createLogger, type LogLevel, QmError } from '../../base/index.ts';
import { formatProblem } from '../../local/problems/index.ts';
import { loadProject, manifestsYaml, type Project } from '../../local/project/index.ts';
import { type LocalEvent, type LocalOptions, type LocalRuntime, runLocal } from '../../local/run/index.ts';
import {
  hubLogPath,
  prepareStateDirectory,
  RotatingFile,
  stateDirectory,
  type StateDirectory,
} from '../../local/state/index.ts';
import {
  type Cli,
  CliError,
  exitCode,
  type ExitCode,
  printable,
  stateRoot,
  valueFiles,
  type ValueOptions,
} from '../support/index.ts';
import { UpSignals } from './up-signals.ts';
import { createUpView } from './up-view.ts';

export interface UpOptions extends ValueOptions {
  readonly file: readonly string[];
  readonly detach?: boolean;
  readonly stdio?: boolean;
  readonly watch?: boolean;
  readonly port: number;
  readonly host: string;
  readonly allowHost?: readonly string[];
  readonly insecure?: boolean;
  readonly healthPort: number | 'auto' | 'off';
  readonly stateDir?: string;
  readonly strict?: boolean;
  readonly logLevel: LogLevel;
  readonly logFile?: string;
  readonly output: 'text' | 'json';
}

export async function runUp(cli: Cli, options: UpOptions): Promise<void> {
  const load = (previous?: Project): Promise<Project> =>
    loadProject({
      paths: options.file,
      envFiles: valueFiles(options),
      cwd: cli.cwd,
      env: cli.env,
      stdin: cli.stdin,
      previous,
    });
  const project = await load();
  report(cli, project, options);
  refuseOpenBind(project, options);
  const state = stateDirectory(await projectRoot(cli, options));
  prepareState(state);
  const file = options.logFile === '-' ? undefined : new RotatingFile(options.logFile ?? hubLogPath(state.root));
  const log = createLogger({
    level: options.logLevel,
    ...(file === undefined
      ? {}
      : { destination: { write: (line: string) => file.write(line.endsWith('\n') ? line : `${line}\n`) } }),
  });
  const view = createUpView(cli, options.stdio === true ? 'none' : options.output);
  const signals = new UpSignals(cli);
  let ready: Ready | undefined;
  try {
    const runtime = await runLocal({
      project,
      load,
      paths: options.file,
      cwd: cli.cwd,
      env: cli.env,
      state,
      version: cli.version,
      log,
      // With --strict there is no `ready` that an error follows: whoever waits for the word gets the exit code instead.
      onEvent: (event) => {
        if (event.kind === 'ready') ready = event;
        if (options.strict !== true || event.kind !== 'ready' || event.waiting.length + event.partly.length === 0)
          view.event(event);
      },
      endpoint: endpointOf(cli, options),
      watch: options.watch === true ? watched(cli, options) : undefined,
    });
    signals.attach(runtime);
    if (options.strict === true) await endUnlessWhole(runtime, () => ready);
    await runtime.closed;
  } catch (error) {
    throw error instanceof QmError ? new CliError(exitOf(error), error.message, error.row.next) : error;
  } finally {
    signals.release();
    view.end();
    log.flush();
    await file?.close();
  }
}

export function prepareState(state: StateDirectory): void {
  try {
    prepareStateDirectory(state);
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    throw new CliError(
      exitCode.occupied,
      `the state directory ${state.root} cannot be used (${why})`,
      'make it writable for this user, or choose another one with --state-dir',
    );
  }
}

type Ready = Extract<LocalEvent, { kind: 'ready' }>;

/** `--strict`: a server that does not come up, or a tool that cannot be offered, is as fatal as a wrong manifest. */
async function endUnlessWhole(runtime: LocalRuntime, ready: () => Ready | undefined): Promise<void> {
  await runtime.settled;
  const { waiting = [], partly = [] } = ready() ?? {};
  if (waiting.length === 0 && partly.length === 0) return;
  await runtime.close('--strict');
  const [what, next] =
    waiting.length > 0
      ? [`not all servers are ready: ${listed(waiting)}`, 'correct them, or leave out --strict']
      : [`not everything can be offered: ${listed(partly)}`, 'correct it, or leave out --strict'];
  throw new CliError(exitCode.nothingToRun, what, next);
}

function listed(found: readonly { readonly key: string; readonly reason: string; readonly message: string }[]): string {
  return found.map((one) => `${one.key} (${one.reason}): ${printable(one.message)}`).join(', ');
}

function endpointOf(cli: Cli, options: UpOptions): LocalOptions['endpoint'] {
  if (options.stdio === true) return { kind: 'stdio', stdin: cli.stdin, stdout: cli.stdout };
  const { host, port, healthPort, allowHost } = options;
  return {
    kind: 'http',
    host,
    port,
    healthPort: healthPort === 'off' ? undefined : healthPort,
    allowedHosts: allowHost,
  };
}

/** What is wrong, before anything runs; ends here when nothing can. */
function report(cli: Cli, project: Project, options: UpOptions): void {
  for (const one of project.problems) cli.err(formatProblem(one));
  const strict = options.strict === true && project.problems.some((one) => one.level !== 'note');
  if (project.fatal) throw new CliError(exitCode.nothingToRun, '');
  if (strict)
    throw new CliError(
      exitCode.nothingToRun,
      'something is wrong with the manifests, and --strict was given',
      'correct what is said above, or leave out --strict',
    );
  if (project.impliedHub !== undefined && options.stdio !== true && options.output === 'text') {
    cli.err('note: client files have no hub, so this one is used (write your own to change it):');
    for (const line of manifestsYaml([project.impliedHub]).trimEnd().split('\n')) cli.err(`  ${line}`);
  }
  if (options.stdio === true && project.compiled.hubs.length > 1)
    cli.err(`note: a pipe serves one hub: ${project.compiled.hubs[0]?.name}`);
}

const loopback = /^(localhost|127(\.\d{1,3}){3}|::1)$/;

/** `auth.mode: none` means loopback, unless somebody says loudly that it does not. */
function refuseOpenBind(project: Project, options: UpOptions): void {
  if (options.stdio === true || loopback.test(options.host) || options.insecure === true) return;
  const open = project.compiled.hubs.find((hub) => hub.auth.mode === 'none');
  if (open !== undefined)
    throw new CliError(
      exitCode.usage,
      `--host ${options.host} would let everybody who reaches this machine call every tool of hub "${open.name}" (auth.mode: none)`,
      'leave out --host, or add --insecure when the network in front is trusted',
    );
}

/** `-f` is required here, so there always is one. */
export async function projectRoot(cli: Cli, options: Pick<UpOptions, 'file' | 'stateDir'>): Promise<string> {
  return (await stateRoot(cli, options)) ?? cli.cwd;
}

function watched(cli: Cli, options: UpOptions): string[] {
  const files = valueFiles(options).map((one) => one.replace(/^[a-z0-9.-]+=/, ''));
  return [...options.file.filter((one) => one !== '-'), ...files].map((one) => path.resolve(cli.cwd, one));
}

function exitOf(error: QmError): ExitCode {
  const occupied = ['QM_ALREADY_RUNNING', 'QM_PORT_TAKEN', 'QM_LISTEN_FAILED', 'QM_HEALTH_PORT'];
  return occupied.includes(error.code) ? exitCode.occupied : exitCode.internal;
}
