import { type Command, InvalidArgumentError, Option } from 'commander';

import type { UpOptions } from '../up/index.ts';
import { type Cli, portNumber, withManifests, withOutput, withValues } from '../support/index.ts';

export function addUp(program: Command, cli: Cli, argv: readonly string[]): void {
  const command = program
    .command('up')
    .summary('runs manifests as one endpoint')
    .description(
      'Runs the hubs and servers of the manifests on this machine, in the foreground, until Ctrl-C or `qm down`.\n' +
        'Prints `ready <url>` when every server has started or failed; the endpoint answers before that.',
    );
  withValues(withManifests(command, true))
    .option('-d, --detach', 'run in the background; returns when it is ready')
    .addOption(new Option('--no-detach').hideHelp())
    .option('-w, --watch', 'take over changes of the files while running')
    .option('--stdio', 'serve the first hub on stdin and stdout instead of HTTP')
    .addOption(
      new Option('-p, --port <port>', 'port to listen on; 0 takes a free one').argParser(portNumber).default(7575),
    )
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--allow-host <name...>', 'further names in Host headers, for instance behind a proxy')
    .option('--insecure', 'allow --host to open a hub without authentication to the network')
    .addOption(
      new Option('--health-port <port>', 'port of health and metrics; off: none, auto: 7576 or a free one')
        .argParser(healthPort)
        .default('auto'),
    )
    .option('--state-dir <dir>', 'where keys, logs and the control socket are kept (env QM_STATE_DIR)')
    .option(
      '--strict',
      'end when anything is wrong with the manifests, a server does not come up, or a tool cannot be offered',
    )
    .addOption(
      new Option('--log-level <level>', 'of the log of the hub')
        .choices(['debug', 'info', 'warn', 'error', 'silent'])
        .default('info'),
    )
    .option(
      '--log-file <path>',
      'where the JSON log of the hub goes; - is stderr (default: hub.log in the state directory)',
    );
  withOutput(command).action(async (options: UpOptions) => {
    const { detach, runUp } = await import('../up/index.ts');
    await (options.detach === true ? detach(cli, options, argv) : runUp(cli, options));
  });
}

function healthPort(text: string): UpOptions['healthPort'] {
  if (text === 'off' || text === 'auto') return text;
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new InvalidArgumentError('give a port, auto or off');
}
