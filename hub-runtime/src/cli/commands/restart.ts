import type { Command } from 'commander';

import { type Cli, findHub, pickKey, type TargetOptions, withOutput, withTarget } from '../support/index.ts';

type Options = TargetOptions & { readonly output: string };

export function addRestart(program: Command, cli: Cli): void {
  const command = program
    .command('restart')
    .summary('restarts one server')
    .description(
      'Stops one server and starts it again. Its tools stay listed; calls wait for it. The others do not notice.',
    )
    .argument('<server>', 'name, or namespace/name');
  withOutput(withTarget(command)).action((server: string, options: Options) => restart(cli, server, options));
}

async function restart(cli: Cli, server: string, options: Options): Promise<void> {
  const { client } = await findHub(cli, options);
  const key = pickKey(
    'server',
    server,
    (await client.servers()).map((one) => one.key),
  );
  await client.restart(key);
  const after = (await client.servers()).find((one) => one.key === key);
  if (options.output === 'json') cli.out(JSON.stringify(after));
  else
    cli.out(`${key} is restarted (${after?.phase ?? 'gone'}${after?.pid === undefined ? '' : `, pid ${after.pid}`})`);
}
