import { Argument, type Command } from 'commander';

import {
  type Cli,
  CliError,
  exitCode,
  findHub,
  pickKey,
  printable,
  type TargetOptions,
  withOutput,
  withTarget,
} from '../support/index.ts';

type Options = TargetOptions & { readonly output: string };

interface Shown {
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly status?: { readonly conditions?: readonly Record<string, string>[] } & Record<string, unknown>;
}

export function addDescribe(program: Command, cli: Cli): void {
  const command = program
    .command('describe')
    .summary('everything known about one hub or server')
    .description('Shows one hub or server with its conditions, and for a server the end of its log.')
    .addArgument(new Argument('<what>', 'hub or server').choices(['hub', 'server', 'mch', 'mcs']))
    .argument('<name>', 'name, or namespace/name');
  withOutput(withTarget(command)).action((what: string, name: string, options: Options) =>
    describe(cli, what, name, options),
  );
}

async function describe(cli: Cli, what: string, name: string, options: Options): Promise<void> {
  const { client } = await findHub(cli, options);
  const isHub = what === 'hub' || what === 'mch';
  const objects = (await client.objects(isHub ? 'McpHub' : 'McpServer')) as unknown as readonly Shown[];
  const keyOf = (one: Shown): string => `${one.metadata.namespace ?? 'default'}/${one.metadata.name}`;
  const key = pickKey(isHub ? 'hub' : 'server', name, objects.map(keyOf));
  const found = objects.find((one) => keyOf(one) === key);
  if (found === undefined) throw new CliError(exitCode.no, `there is no ${name}`);
  if (options.output === 'json') return cli.out(JSON.stringify(found, undefined, 2));
  const { toYaml } = await import('../../local/project/index.ts');
  const { conditions = [], ...status } = found.status ?? {};
  cli.out(toYaml({ ...found, status }).trimEnd());
  cli.out('\nConditions:');
  for (const one of conditions) {
    const mark = one['type'] === 'Ready' ? cli.colors.bold : String;
    cli.out(`  ${mark(`${one['type']}=${one['status']}`)}  ${one['reason']}  ${printable(one['message'] ?? '')}`);
  }
  if (isHub) return;
  const server = (await client.servers()).find((one) => one.key === key);
  if (server === undefined) return;
  const { tailFile } = await import('../../local/state/index.ts');
  const tail = await tailFile(server.logFile, 10);
  cli.out(`\nLog (${server.logFile}):`);
  for (const line of tail.length === 0 ? ['(empty)'] : tail) cli.out(`  ${printable(line)}`);
}
