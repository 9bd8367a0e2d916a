import { QmError } from '../../base/index.ts';
import { installTools } from '../../bridge-server/index.ts';
import { type Cli, CliError, exitCode } from '../support/index.ts';

/** Where the images of ours have this program with Node, its loader and libraries. */
const toolsHere = '/quaymaster';

export async function copyTools(cli: Cli, target: string): Promise<void> {
  try {
    const { files } = await installTools({ source: cli.env['QM_TOOLS_SOURCE'] ?? toolsHere, target });
    cli.out(`copied ${files} files to ${target}`);
  } catch (error) {
    throw error instanceof QmError ? new CliError(exitCode.occupied, error.message, error.row.next) : error;
  }
}
