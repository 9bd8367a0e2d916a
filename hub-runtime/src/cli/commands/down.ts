import type { Command } from 'commander';

import {
  type Cli,
  CliError,
  exitCode,
  findHub,
  type TargetOptions,
  wholeNumber,
  withOutput,
  withTarget,
} from '../support/index.ts';

type Options = TargetOptions & { readonly output: string; readonly timeout: number };

export function addDown(program: Command, cli: Cli): void {
  const command = program
    .command('down')
    .summary('ends the running hub and its servers')
    .description('Ends the running hub in order: calls in flight finish, servers are ended, nothing stays behind.')
    .option('--timeout <seconds>', 'longest time to wait for it', wholeNumber, 30);
  withOutput(withTarget(command)).action((options: Options) => down(cli, options));
}

async function down(cli: Cli, options: Options): Promise<void> {
  const { record, client } = await findHub(cli, options);
  const { isAlive } = await import('../../local/state/index.ts');
  const { setTimeout: pause } = await import('node:timers/promises');
  await client.stop();
  const until = Date.now() + options.timeout * 1000;
  while (isAlive(record.pid)) {
    if (Date.now() > until)
      throw new CliError(
        exitCode.no,
        `the hub (pid ${record.pid}) has not ended within ${options.timeout} s`,
        `kill ${record.pid} ends it at once`,
      );
    await pause(50);
  }
  if (options.output === 'json') cli.out(JSON.stringify({ stopped: record.url, pid: record.pid }));
  else cli.out(`stopped ${record.url}`);
}
