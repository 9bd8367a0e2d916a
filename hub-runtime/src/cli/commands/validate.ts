import type { Command } from 'commander';

import {
  type Cli,
  CliError,
  exitCode,
  valueFiles,
  type ValueOptions,
  withManifests,
  withOutput,
  withValues,
} from '../support/index.ts';

interface Options extends ValueOptions {
  readonly file: readonly string[];
  readonly strict?: boolean;
  readonly output: string;
}

export function addValidate(program: Command, cli: Cli): void {
  const command = program
    .command('validate')
    .summary('checks manifests without starting anything')
    .description(
      'Checks manifests: schema, rules and references, with the verdict a cluster would give. Starts nothing and needs no cluster.\n' +
        'Exits 0 when nothing is wrong, 1 when something is left out.',
    )
    .option('--strict', 'warnings count as errors');
  withOutput(withValues(withManifests(command, true))).action((options: Options) => validate(cli, options));
}

async function validate(cli: Cli, options: Options): Promise<void> {
  const [{ loadProject }, { formatProblem }] = await Promise.all([
    import('../../local/project/index.ts'),
    import('../../local/problems/index.ts'),
  ]);
  const project = await loadProject({
    paths: options.file,
    envFiles: valueFiles(options),
    cwd: cli.cwd,
    env: cli.env,
    stdin: cli.stdin,
  });
  const errors = project.problems.filter((one) => one.level === 'error').length;
  const warnings = project.problems.filter((one) => one.level === 'warning').length;
  const valid = errors === 0 && (options.strict !== true || warnings === 0);
  if (options.output === 'json') {
    cli.out(JSON.stringify({ valid, objects: project.objects.length, problems: project.problems }));
  } else {
    for (const one of project.problems) cli.err(formatProblem(one));
    const servers = project.compiled.servers.filter((one) => one.active).length;
    cli.out(
      valid
        ? `valid: ${count(project.compiled.hubs.length, 'hub')}, ${count(servers, 'server')}`
        : `not valid: ${count(errors, 'error')}, ${count(warnings, 'warning')}`,
    );
  }
  if (!valid) throw new CliError(exitCode.no, '');
}

function count(n: number, word: string): string {
  return `${n} ${word}${n === 1 ? '' : 's'}`;
}
