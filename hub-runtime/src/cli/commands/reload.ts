import type { Command } from 'commander';

import { type Cli, CliError, exitCode, findHub, type TargetOptions, withOutput, withTarget } from '../support/index.ts';

type Options = TargetOptions & { readonly output: string };

export function addReload(program: Command, cli: Cli): void {
  const command = program
    .command('reload')
    .summary('reads the manifests of the running hub again')
    .description(
      'Reads the manifests of the running hub again, as SIGHUP does. Unchanged servers keep running; no call is lost.',
    );
  withOutput(withTarget(command)).action((options: Options) => reload(cli, options));
}

async function reload(cli: Cli, options: Options): Promise<void> {
  const report = await (await findHub(cli, options)).client.reload();
  if (options.output === 'json') cli.out(JSON.stringify(report));
  else for (const line of report.problems) cli.err(line);
  if (!report.applied)
    throw new CliError(
      exitCode.no,
      options.output === 'json' ? '' : 'not taken over; the last good configuration keeps running',
    );
  if (options.output !== 'json') cli.out('taken over');
}
