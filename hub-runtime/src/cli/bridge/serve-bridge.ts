/**
 * The bridge as a process: settings from the environment, JSON log on stdout, the server's own words on stderr, until a signal.
 * The first signal lets calls finish, the second does not.
 */
import { randomBytes } from 'node:crypto';

import { type BridgePodSettings, podVariables } from '@quaymaster/crds';

import { createLogger, QmError, systemClock } from '../../base/index.ts';
import { installerEnvironment, type InstallPackage, readBridgeSettings, runBridge } from '../../bridge-server/index.ts';
import { createPackageStore } from '../../local/packages/index.ts';
import { createMetricsRegistry, createObserver } from '../../observe/index.ts';
import { type Cli, CliError, exitCode } from '../support/index.ts';

export async function serveBridge(cli: Cli, words: readonly string[]): Promise<void> {
  const settings = settingsOf(cli);
  if (settings.program.kind === 'command' && words.length === 0)
    throw new CliError(exitCode.usage, 'there is no program to run', 'give its command line behind --');
  const log = createLogger({ destination: 1 });
  const metrics = createMetricsRegistry();
  try {
    const bridge = await runBridge({
      settings,
      words,
      env: cli.env,
      version: cli.version,
      clock: systemClock,
      random: Math.random,
      newId: () => randomBytes(18).toString('base64url'),
      log,
      observer: createObserver({ registry: metrics, version: cli.version }),
      metrics,
      install: installer(cli, settings),
      stderr: (line) => cli.err(line),
    });
    let signals = 0;
    const end = (signal: NodeJS.Signals): void => {
      signals += 1;
      void bridge.close(signal, signals === 1 ? settings.drainMs : 0);
    };
    for (const signal of ['SIGTERM', 'SIGINT'] as const) cli.signals.on(signal, end);
    await bridge.closed;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) cli.signals.off(signal, end);
  } catch (error) {
    throw error instanceof QmError ? new CliError(exitCode.occupied, error.message, error.row.next) : error;
  } finally {
    log.flush();
  }
}

function settingsOf(cli: Cli): BridgePodSettings {
  try {
    return readBridgeSettings(cli.env[podVariables.bridge]);
  } catch (error) {
    throw error instanceof QmError ? new CliError(exitCode.nothingToRun, error.message, error.row.next) : error;
  }
}

function installer(cli: Cli, settings: BridgePodSettings): InstallPackage {
  const { program } = settings;
  if (program.kind === 'command') return () => Promise.reject(new Error('no package is wanted'));
  const store = createPackageStore({ directory: program.cache, env: installerEnvironment(cli.env, settings) });
  return (source, progress, signal) => store.install(source, progress, signal);
}
