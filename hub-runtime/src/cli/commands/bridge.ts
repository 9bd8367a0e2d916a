/** `qm bridge`: what runs in the Pods of stdio servers, and what copies itself into images of the user's. */
import type { Command } from 'commander';

import type { Cli } from '../support/index.ts';

interface Options {
  readonly install?: string;
}

export function addBridge(program: Command, cli: Cli): void {
  program
    .command('bridge')
    .summary('serves one stdio server over HTTP, inside a Pod')
    .description(
      'Runs one stdio server and serves it over Streamable HTTP to the hubs of a cluster. Used in the Pods that the operator\n' +
        'makes; settings come in the variable QM_BRIDGE.',
    )
    .argument('[words...]', 'behind --: the command line of the server, or the arguments of its package')
    .option('--install <dir>', 'copy this program with Node, its loader and libraries to a directory, and end')
    .action(async (words: readonly string[], options: Options) => {
      const { copyTools, serveBridge } = await import('../bridge/index.ts');
      await (options.install === undefined ? serveBridge(cli, words) : copyTools(cli, options.install));
    });
}
