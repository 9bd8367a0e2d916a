import { type Command, Option } from 'commander';

import type { LogLevel } from '../../base/index.ts';
import { type Cli, CliError, exitCode } from '../support/index.ts';

interface Options {
  readonly logLevel: LogLevel;
}

export function addHub(program: Command, cli: Cli): void {
  program
    .command('hub')
    .summary('runs one replica of a hub in a cluster')
    .description(
      'Runs one replica of a McpHub inside a Pod that the operator has made. Takes everything from its environment (QM_HUB, QM_POD_NAME,\n' +
        'QM_POD_UID, QM_POD_IP) and the mounted Secrets; on a laptop use `qm up`.',
    )
    .addOption(
      new Option('--log-level <level>', 'of the log, JSON lines on stderr')
        .choices(['debug', 'info', 'warn', 'error', 'silent'])
        .default('info'),
    )
    .action((options: Options) => hub(cli, options));
}

async function hub(cli: Cli, { logLevel }: Options): Promise<void> {
  const [{ createLogger, QmError }, { readReplicaSettings, runReplica }] = await Promise.all([
    import('../../base/index.ts'),
    import('../../replica/index.ts'),
  ]);
  const log = createLogger({ level: logLevel });
  const ends = endingSignals(cli);
  try {
    const replica = await runReplica({ settings: readReplicaSettings(cli.env), version: cli.version, log });
    ends.attach((signal) => void replica.close(signal));
    await replica.closed;
  } catch (error) {
    if (!(error instanceof QmError)) throw error;
    const code = error.code === 'QM_SETTINGS_INVALID' ? exitCode.usage : exitCode.occupied;
    throw new CliError(code, error.message, error.row.next);
  } finally {
    ends.release();
    log.flush();
  }
}

/** Signals that arrive together count as one. */
const sameSignalMs = 500;

/** The first SIGTERM or SIGINT drains, also while it is still starting; a second one ends the process at once. */
function endingSignals({ signals }: Cli): { attach(end: (signal: string) => void): void; release(): void } {
  let first: { readonly signal: string; readonly at: number } | undefined;
  let end: ((signal: string) => void) | undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    const now = performance.now();
    if (first === undefined) {
      first = { signal, at: now };
      end?.(signal);
    } else if (now - first.at >= sameSignalMs) process.exit(exitCode.no);
  };
  signals.on('SIGTERM', onSignal);
  signals.on('SIGINT', onSignal);
  return {
    attach(ending) {
      end = ending;
      if (first !== undefined) ending(first.signal);
    },
    release() {
      signals.off('SIGTERM', onSignal);
      signals.off('SIGINT', onSignal);
    },
  };
}
