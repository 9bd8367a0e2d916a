import type { Command } from 'commander';

import { type Cli, CliError, exitCode, withOutput } from '../support/index.ts';

type Options = { readonly output: string };

export function addDoctor(program: Command, cli: Cli): void {
  const command = program
    .command('doctor')
    .summary('finds what keeps servers from running here')
    .description(
      'Looks at this machine and at the hubs that run on it: Node, npm, Python tools, ports, rights of directories, servers that are not ready.\n' +
        'Every finding comes with what to do. Exits 1 when something is broken.',
    );
  withOutput(command).action((options: Options) => doctor(cli, options));
}

async function doctor(cli: Cli, options: Options): Promise<void> {
  const { examine } = await import('../doctor/index.ts');
  const findings = await examine(cli);
  const broken = findings.filter((one) => one.level === 'broken').length;
  if (options.output === 'json') cli.out(JSON.stringify({ healthy: broken === 0, findings }, undefined, 2));
  else {
    const { green, red, yellow } = cli.colors;
    for (const one of findings) {
      const mark =
        one.level === 'good' ? green('ok     ') : one.level === 'missing' ? yellow('missing') : red('broken ');
      cli.out(`${mark}  ${one.subject}: ${one.message}`);
      if (one.fix !== '') cli.out(`         -> ${one.fix}`);
    }
  }
  if (broken > 0) throw new CliError(exitCode.no, '');
}
