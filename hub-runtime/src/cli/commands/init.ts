import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import type { Command } from 'commander';

import { type Cli, CliError, exitCode, withOutput } from '../support/index.ts';

const serverText = `apiVersion: quaymaster.dev/v1alpha1
kind: McpServer
metadata: {name: memory}
spec:
  source:
    npm: {package: "@modelcontextprotocol/server-memory", version: 2026.8.31}
`;

export function addInit(program: Command, cli: Cli): void {
  const command = program
    .command('init')
    .summary('writes a first hub and a first server')
    .description(
      'Writes two small manifests to start from: a hub over everything in the directory, and one server. Overwrites nothing.',
    )
    .argument('[directory]', 'where to', 'manifests');
  withOutput(command).action((directory: string, options: { readonly output: string }) =>
    init(cli, directory, options.output),
  );
}

async function init(cli: Cli, directory: string, output: string): Promise<void> {
  const { hubText } = await import('../../local/clients/index.ts');
  const root = path.resolve(cli.cwd, directory);
  const files = [
    [path.join(root, 'hub.yaml'), hubText()],
    [path.join(root, 'memory.yaml'), serverText],
  ] as const;
  const existing = files.find(([file]) => existsSync(file));
  if (existing !== undefined)
    throw new CliError(exitCode.no, `${existing[0]} exists already`, 'name another directory');
  mkdirSync(root, { recursive: true });
  for (const [file, text] of files) {
    writeFileSync(file, text, { flag: 'wx' });
    if (output !== 'json') cli.out(`wrote ${path.relative(cli.cwd, file)}`);
  }
  if (output === 'json') return cli.out(JSON.stringify({ wrote: files.map(([file]) => file) }));
  cli.out(`\nnow: qm up -f ${directory}`);
}
