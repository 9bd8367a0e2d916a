/**
 * `make doctor`: what this machine lacks, as Debian package names. With `--install` (used by `make test`) it installs them when run as root.
 *
 * Only tests need any of it: the hub itself runs with Node alone. A tool that is present but too old is named with the version it should have.
 */
import { run } from './support/run.ts';
import { missingTools, tools as everywhere } from './support/tools-table.ts';

async function probe(command: string, args: readonly string[]): Promise<string | undefined> {
  const ran = await run(command, args);
  return ran.code === 0 ? ran.output : undefined;
}

const tools = everywhere.filter((tool) => tool.platform === undefined || tool.platform === process.platform);
const found = new Map<string, string | undefined>();
for (const tool of tools) {
  found.set(tool.command, await probe(tool.command, tool.args));
  if (tool.orElse !== undefined) found.set(tool.orElse, await probe(tool.orElse, tool.args));
}
const missing = missingTools(tools, found);
for (const tool of tools) {
  const output = found.get(tool.command);
  const state = missing.includes(tool) ? (output === undefined ? 'missing' : 'too old') : 'ok';
  console.log(
    `${state.padEnd(8)} ${tool.command.padEnd(10)} ${tool.why}${state === 'ok' ? '' : ` (Debian: ${tool.debian.join(' ')})`}`,
  );
}
const packages = [...new Set(missing.flatMap((tool) => tool.debian))];
if (packages.length > 0) {
  if (process.argv.includes('--install') && process.getuid?.() === 0) await install(packages);
  else console.log(`\napt-get install ${packages.join(' ')}`);
}
process.exitCode = missing.length > 0 && !process.argv.includes('--install') ? 1 : 0;

/** Failing to install is no failure here: the test that needs the tool says so by name. */
async function install(names: readonly string[]): Promise<void> {
  console.log(`installing ${names.join(' ')}`);
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', ['update', '-qq'], { env });
  const ran = await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...names], { env });
  if (ran.code !== 0) console.log(`could not install: ${ran.output.trim().split('\n').at(-1) ?? ''}`);
}
