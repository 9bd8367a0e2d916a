import path from 'node:path';

import type { Command } from 'commander';
import { Argument } from 'commander';

import type { ConnectionPlan } from '../connect/index.ts';
import { type Cli, CliError, exitCode, findHub, type TargetOptions, withOutput, withTarget } from '../support/index.ts';

type Client = 'claude' | 'vscode' | 'cursor';
type Options = TargetOptions & {
  readonly yes?: boolean;
  readonly name?: string;
  readonly to?: string;
  readonly url?: string;
  readonly output: string;
};

export function addConnect(program: Command, cli: Cli): void {
  const command = program
    .command('connect')
    .summary('writes the hub into the configuration of a client')
    .description(
      'Adds the running hub to the project configuration of a client: .mcp.json (Claude Code), .vscode/mcp.json or .cursor/mcp.json.\n' +
        'Shows what changes, asks, keeps a copy of the old file beside it. Comments and everything else in the file stay.',
    )
    .addArgument(new Argument('<client>', 'which client').choices(['claude', 'vscode', 'cursor']))
    .option('-y, --yes', 'write without asking')
    .option('--name <name>', 'name of the entry (default: the name of the hub)')
    .option('--to <file>', 'another file, for instance ~/.cursor/mcp.json')
    .option('--url <url>', 'endpoint to write (default: that of the running hub)');
  withOutput(withTarget(command)).action((client: Client, options: Options) => connect(cli, client, options));
}

async function connect(cli: Cli, client: Client, options: Options): Promise<void> {
  const { diffLines, planConnection, writeConnection } = await import('../connect/index.ts');
  const { url, name, runs } = await endpoint(cli, options);
  const plan = planConnection({
    client,
    url,
    name,
    cwd: cli.cwd,
    ...(options.to === undefined ? {} : { file: options.to }),
  });
  // The hub would read its own address back as one more server.
  if (runs.includes(plan.file))
    throw new CliError(
      exitCode.no,
      `${plan.shown} is what this hub runs: with the hub in it, it would run itself`,
      `\`qm import ${plan.shown} > hub.yaml\` and \`qm up -f hub.yaml\` make the file free for this, or name another with --to`,
    );
  if (options.output === 'json' && options.yes !== true)
    throw new CliError(exitCode.usage, '--output json asks no questions', 'pass --yes to write');
  const changed = plan.before !== plan.after;
  if (options.output !== 'json') show(cli, plan, changed, diffLines(plan.before ?? '', plan.after));
  if (changed && options.yes !== true && !(await confirmed(cli)))
    throw new CliError(exitCode.no, 'nothing was written', 'answer y, or pass --yes');
  const backup = changed ? writeConnection(plan) : undefined;
  if (options.output === 'json') cli.out(JSON.stringify({ file: plan.file, changed, backup: backup ?? null }));
  else if (changed) cli.out(`wrote ${plan.shown}${backup === undefined ? '' : ` (the old one is ${backup})`}`);
}

function show(cli: Cli, plan: ConnectionPlan, changed: boolean, lines: readonly string[]): void {
  if (!changed) return cli.out(`${plan.shown} has it already`);
  cli.out(`${plan.before === undefined ? 'new file' : 'change to'} ${plan.shown}:\n`);
  for (const line of lines) {
    cli.out(line.startsWith('+') ? cli.colors.green(line) : line.startsWith('-') ? cli.colors.red(line) : line);
  }
  cli.out('');
}

interface Endpoint {
  readonly url: string;
  readonly name: string;
  /** Files the hub was started with, absolute. */
  readonly runs: readonly string[];
}

async function endpoint(cli: Cli, options: Options): Promise<Endpoint> {
  if (options.url !== undefined) return { url: options.url, name: options.name ?? 'quaymaster', runs: [] };
  const { record, client } = await findHub(cli, options);
  const first = (await client.hubs())[0];
  return {
    url: first?.url ?? record.url,
    name: options.name ?? first?.key.split('/')[1] ?? 'quaymaster',
    runs: record.paths.map((one) => path.resolve(record.cwd, one)),
  };
}

async function confirmed(cli: Cli): Promise<boolean> {
  if (!cli.interactive)
    throw new CliError(exitCode.usage, 'there is no terminal to ask on', 'pass --yes to write without asking');
  const { createInterface } = await import('node:readline/promises');
  const ask = createInterface({ input: cli.stdin, output: cli.stdout });
  const answer = await ask.question('write it? [y/N] ');
  ask.close();
  return /^y(es)?$/i.test(answer.trim());
}
