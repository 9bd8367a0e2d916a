/** Which registry npm means to ask for a package: the one of its scope, or the common one. For people; npm itself decides. */
import { type InstallerDeps, runStep } from './installer.ts';
import type { Program } from './npm-program.ts';
import type { ToolRun } from './run-tool.ts';

const longestMs = 5_000;

/** An npm, in the place where it installs. */
interface Question extends Pick<ToolRun, 'cwd' | 'env'> {
  readonly npm: Program;
  readonly packageName: string;
}

/** Undefined: it does not say so in time. */
export async function npmRegistry(
  { npm, packageName, cwd, env }: Question,
  deps: InstallerDeps,
  signal: AbortSignal,
): Promise<URL | undefined> {
  // `config get` refuses to tell a URL that carries credentials; the list tells it without them. Settings that others override are comments in it.
  const args = [...npm.args, 'config', 'list', '--long', `--prefix=${cwd}`];
  const end = await runStep({ command: npm.command, args, cwd, env }, { ...deps, timeoutMs: longestMs }, signal);
  const set = new Map<string, string>();
  for (const [, key = '', value = ''] of end.stdout.matchAll(/^(\S*registry) = "(.*)"/gm)) set.set(key, value);
  const scope = /^(@[^/]+)\//.exec(packageName)?.[1];
  const named = (scope === undefined ? undefined : set.get(`${scope}:registry`)) ?? set.get('registry') ?? '';
  const url = URL.parse(named);
  return url !== null && /^https?:$/.test(url.protocol) ? url : undefined;
}

/** Any answer counts. Rejects when there is none. No credentials are sent. */
export async function probeRegistry(registry: URL, signal: AbortSignal): Promise<void> {
  const bare = new URL(registry);
  bare.username = '';
  bare.password = '';
  const response = await fetch(bare, { signal, redirect: 'manual' });
  await response.body?.cancel();
}
