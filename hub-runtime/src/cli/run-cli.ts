/** Runs one command line and turns whatever goes wrong into one message, a next step and an exit code. */
import { CommanderError } from 'commander';

import { createProgram } from './program.ts';
import { type Cli, CliError, exitCode, type ExitCode } from './support/index.ts';

export async function runCli(cli: Cli, argv: readonly string[]): Promise<ExitCode> {
  try {
    await createProgram(cli, argv).parseAsync([...argv], { from: 'user' });
    return exitCode.ok;
  } catch (error) {
    return explain(cli, error);
  }
}

function explain(cli: Cli, error: unknown): ExitCode {
  // Commander has printed its own message by now.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.ok : exitCode.usage;
  if (cli.env['QM_DEBUG'] !== undefined && cli.env['QM_DEBUG'] !== '')
    cli.err(error instanceof Error ? (error.stack ?? error.message) : String(error));
  if (error instanceof CliError) {
    if (error.message !== '')
      cli.err(`${cli.colors.red('error:')} ${error.message}${error.next === '' ? '' : `; ${error.next}`}`);
    return error.code;
  }
  if (error instanceof Error && error.name === 'ControlError') {
    cli.err(`${cli.colors.red('error:')} ${error.message}`);
    return exitCode.noHub;
  }
  const message = error instanceof Error ? error.message : String(error);
  cli.err(`${cli.colors.red('error:')} ${message}\n  this should not happen; QM_DEBUG=1 shows where it comes from`);
  return exitCode.internal;
}
