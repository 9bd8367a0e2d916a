import type { Command } from 'commander';

import { age, type Cli, table, wholeNumber, withOutput } from '../support/index.ts';

type Options = { readonly output: string };
type CleanOptions = Options & { readonly unusedDays: number };

export function addCache(program: Command, cli: Cli): void {
  const cache = program
    .command('cache')
    .summary('installed packages of servers')
    .description(
      'The cache of installed npm and PyPI servers. Everything in it is installed again when it is missing.',
    );
  withOutput(cache.command('list').description('Lists what is installed.')).action((options: Options) =>
    list(cli, options),
  );
  const cleaning = cache
    .command('clean')
    .description(
      'Removes installed packages. Running servers keep what they have loaded; the next start installs again.',
    )
    .option('--unused-days <days>', 'only what was not used for so many days', wholeNumber, 0);
  withOutput(cleaning).action((options: CleanOptions) => clean(cli, options));
}

/** No package manager runs for these, so the store needs nothing but its place. */
async function openStore(cli: Cli) {
  const [{ cacheDirectory, createPackageStore }, { ChildRegistry }, { systemClock }] = await Promise.all([
    import('../../local/packages/index.ts'),
    import('../../bridge/index.ts'),
    import('../../base/index.ts'),
  ]);
  return createPackageStore({
    directory: cacheDirectory(cli.env),
    env: cli.env,
    clock: systemClock,
    children: new ChildRegistry(),
  });
}

async function list(cli: Cli, options: Options): Promise<void> {
  const packages = (await openStore(cli)).list();
  if (options.output === 'json') return cli.out(JSON.stringify(packages, undefined, 2));
  const now = Date.now();
  const rows = packages.map((one) => [one.kind, one.package, one.version, size(one.bytes), age(now - one.lastUsed)]);
  for (const line of table(['KIND', 'PACKAGE', 'VERSION', 'SIZE', 'UNUSED'], rows)) cli.out(line);
}

async function clean(cli: Cli, options: CleanOptions): Promise<void> {
  const report = (await openStore(cli)).clean(options.unusedDays * 86_400_000);
  if (options.output === 'json') return cli.out(JSON.stringify(report));
  const bytes = report.removed.reduce((sum, one) => sum + one.bytes, 0);
  cli.out(`removed ${report.removed.length} packages, ${size(bytes)}`);
}

function size(bytes: number): string {
  return bytes < 1024 * 1024 ? `${Math.round(bytes / 1024)} KiB` : `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
