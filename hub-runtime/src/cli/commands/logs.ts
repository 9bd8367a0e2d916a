import type { Command } from 'commander';

import {
  type Cli,
  findHub,
  findRecord,
  pickKey,
  printable,
  type TargetOptions,
  wholeNumber,
  withOutput,
  withTarget,
} from '../support/index.ts';

type Options = TargetOptions & { readonly follow?: boolean; readonly tail: number; readonly output: string };

export function addLogs(program: Command, cli: Cli): void {
  const command = program
    .command('logs')
    .summary('shows what a server wrote, or the log of the hub')
    .description(
      'Shows what a server wrote on stderr; without a server the JSON log of the hub itself. Secrets are masked.',
    )
    .argument('[server]', 'name, or namespace/name')
    .option('-f, --follow', 'keep printing what is added')
    .option('-n, --tail <lines>', 'lines from the end', wholeNumber, 200);
  // -f follows here, as in every other log command; the files of a hub are named by the long option.
  withOutput(withTarget(command, '--file <path>')).action((server: string | undefined, options: Options) =>
    logs(cli, server, options),
  );
}

async function logs(cli: Cli, server: string | undefined, options: Options): Promise<void> {
  const { followFile, hubLogPath, tailFile } = await import('../../local/state/index.ts');
  let file: string;
  if (server === undefined) file = hubLogPath((await findRecord(cli, options)).stateDirectory);
  else {
    const servers = await (await findHub(cli, options)).client.servers();
    const key = pickKey(
      'server',
      server,
      servers.map((one) => one.key),
    );
    file = servers.find((one) => one.key === key)?.logFile ?? '';
  }
  const print = (line: string): void =>
    cli.out(options.output === 'json' ? JSON.stringify({ server: server ?? null, line }) : printable(line));
  for (const line of await tailFile(file, options.tail)) print(line);
  if (options.follow !== true) return;
  const stop = new AbortController();
  cli.signals.on('SIGINT', () => stop.abort());
  cli.signals.on('SIGTERM', () => stop.abort());
  await followFile(file, print, stop.signal);
}
