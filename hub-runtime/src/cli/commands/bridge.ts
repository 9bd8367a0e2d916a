/** `qm bridge`: what runs in the Pods of stdio servers, and what copies itself into images of the user's. */
import type { Command } from 'commander';

import type { BridgePodSettings } from '@quaymaster/crds';

import type { InstallPackage } from '../../bridge-server/index.ts';
import { type Cli, CliError, exitCode } from '../support/index.ts';

interface Options {
  readonly install?: string;
}

/** Where the image of the hub has this program with Node, its loader and libraries. */
const toolsHere = '/quaymaster';

export function addBridge(program: Command, cli: Cli): void {
  program
    .command('bridge')
    .summary('serves one stdio server over HTTP, inside a Pod')
    .description(
      'Runs one stdio server and serves it over Streamable HTTP to the hubs of a cluster. Used in the Pods that the operator\n' +
        'makes; settings come in the variable QM_BRIDGE.',
    )
    .argument('[words...]', 'behind --: the command line of the server, or the arguments of its package')
    .option('--install <dir>', 'copy this program with Node, its loader and libraries to a directory, and end')
    .action(async (words: readonly string[], options: Options) => {
      try {
        await (options.install === undefined ? serve(cli, words) : copyTools(cli, options.install));
      } catch (error) {
        // Loaded here: what every command loads before its first line stays small.
        const { QmError } = await import('../../base/index.ts');
        throw error instanceof QmError ? new CliError(exitCode.occupied, error.message, error.row.next) : error;
      }
    });
}

async function copyTools(cli: Cli, target: string): Promise<void> {
  const { installTools } = await import('../../bridge-server/index.ts');
  const { files } = await installTools({ source: cli.env['QM_TOOLS_SOURCE'] ?? toolsHere, target });
  cli.out(`copied ${files} files to ${target}`);
}

async function serve(cli: Cli, words: readonly string[]): Promise<void> {
  const { podVariables } = await import('@quaymaster/crds');
  const { readBridgeSettings, runBridge } = await import('../../bridge-server/index.ts');
  const { createLogger, systemClock } = await import('../../base/index.ts');
  const { createMetricsRegistry, createObserver } = await import('../../observe/index.ts');
  const { randomBytes } = await import('node:crypto');
  const settings = readBridgeSettings(cli.env[podVariables.bridge]);
  if (settings.program.kind === 'command' && words.length === 0)
    throw new CliError(exitCode.usage, 'there is no program to run', 'give its command line behind --');
  // The server's own words go to stderr as they are; what the bridge says about it is JSON on stdout.
  const log = createLogger({ destination: 1 });
  const metrics = createMetricsRegistry();
  const observer = createObserver({ registry: metrics, version: cli.version });
  const install = await packagesOf(cli, settings);
  const bridge = await runBridge({
    settings,
    words,
    env: cli.env,
    version: cli.version,
    clock: systemClock,
    random: Math.random,
    newId: () => randomBytes(18).toString('base64url'),
    log,
    observer,
    metrics,
    install,
    stderr: (line) => cli.err(line),
  });
  let signals = 0;
  const end = (signal: NodeJS.Signals): void => {
    signals += 1;
    void bridge.close(signal, signals === 1 ? settings.drainMs : 0);
  };
  cli.signals.on('SIGTERM', end);
  cli.signals.on('SIGINT', end);
  await bridge.closed;
  cli.signals.off('SIGTERM', end);
  cli.signals.off('SIGINT', end);
  log.flush();
}

async function packagesOf(cli: Cli, settings: BridgePodSettings): Promise<InstallPackage> {
  if (settings.program.kind === 'command') return () => Promise.reject(new Error('no package is wanted'));
  const { createPackageStore } = await import('../../local/packages/index.ts');
  const { installerEnvironment } = await import('../../bridge-server/index.ts');
  const store = createPackageStore({
    directory: settings.program.cache,
    env: installerEnvironment(cli.env, settings),
  });
  return (source, progress, signal) => store.install(source, progress, signal);
}
