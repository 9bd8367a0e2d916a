import type { Command } from 'commander';

import { type Cli, CliError, exitCode, withOutput } from '../support/index.ts';

type Options = { readonly output: string; readonly secrets?: boolean; readonly hub: boolean };

export function addImport(program: Command, cli: Cli): void {
  const command = program
    .command('import')
    .summary('prints client configurations as manifests')
    .description(
      'Reads .mcp.json and the configuration files of Claude Desktop, VS Code and Cursor, and prints manifests for the same servers.\n' +
        'What cannot be mapped is said on stderr. Values that look secret become references; --secrets prints them too.',
    )
    .argument('<file...>', 'files to read; - for stdin')
    .option('--secrets', 'print the Secret objects with their values')
    .option('--no-hub', 'leave out the McpHub over all of them');
  withOutput(command, ['yaml', 'json']).action((files: readonly string[], options: Options) =>
    importFiles(cli, files, options),
  );
}

async function importFiles(cli: Cli, files: readonly string[], options: Options): Promise<void> {
  const [{ readSources }, clients, { formatProblem }, { manifestsYaml, withoutOrigin }] = await Promise.all([
    import('../../local/load/index.ts'),
    import('../../local/clients/index.ts'),
    import('../../local/problems/index.ts'),
    import('../../local/project/index.ts'),
  ]);
  const read = await readSources({ paths: files, cwd: cli.cwd, stdin: cli.stdin });
  const names = new clients.ServerNames();
  const problems = [...read.problems];
  const objects = [];
  for (const source of read.sources) {
    const imported = clients.importClientFile(source, {
      names,
      env: options.secrets === true ? cli.env : {},
      missing: options.secrets === true ? 'refuse' : 'keep',
    });
    if (imported === undefined)
      throw new CliError(
        exitCode.no,
        `${source.file}: no configuration of an MCP client`,
        'it needs "mcpServers" (Claude, Cursor) or "servers" (VS Code)',
      );
    problems.push(...imported.problems);
    objects.push(...imported.objects);
  }
  for (const one of problems) cli.err(formatProblem(one));
  const secrets = objects.filter((one) => one.kind === 'Secret');
  const shown = objects.filter((one) => one.kind !== 'Secret' || options.secrets === true);
  if (options.hub && shown.length > 0) shown.unshift(clients.impliedHub);
  if (options.output === 'json') cli.out(JSON.stringify(shown.map(withoutOrigin), undefined, 2));
  else if (shown.length > 0) cli.out(manifestsYaml(shown).trimEnd());
  if (options.secrets !== true)
    for (const one of secrets)
      cli.err(
        `note: Secret ${one.metadata.name} (${Object.keys(one.stringData ?? {}).join(', ')}) is not printed: pass --secret ${one.metadata.name}=FILE to qm up, or create it in the cluster`,
      );
  if (problems.some((one) => one.level === 'error')) throw new CliError(exitCode.no, '');
}
