/** Entry of the bundle: the only file of this package that does something when it is imported. */
import { version } from './package-version.ts';
import { runCli } from './run-cli.ts';
import { processCli } from './support/index.ts';

// A reader that went away (`qm get tools | head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
});
const code = await runCli(processCli(version), process.argv.slice(2));
// What is left (a handle that some library forgot) must not keep a finished command alive; output still on its way may.
process.exitCode = code;
if (process.stdout.writableLength === 0) process.exit(code);
else process.stdout.once('drain', () => process.exit(code));
