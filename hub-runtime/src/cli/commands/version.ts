import type { Command } from 'commander';

import { type Cli, withOutput } from '../support/index.ts';

export function addVersion(program: Command, cli: Cli): void {
  withOutput(program.command('version').summary('version of qm and of the Node it runs on'))
    .description('Prints the version of qm and of the Node it runs on.')
    .action((options: { output: string }) => {
      const versions = {
        quaymaster: cli.version,
        node: process.versions.node,
        platform: `${process.platform}-${process.arch}`,
      };
      if (options.output === 'json') cli.out(JSON.stringify(versions));
      else cli.out(`quaymaster ${versions.quaymaster} (node ${versions.node}, ${versions.platform})`);
    });
}
