/**
 * Installs one npm package with its tree into an empty directory.
 *
 * No script of any package runs, neither now nor later: install scripts are off, and the server is started from its own file. Dependencies are
 * bounded by `resolvedBefore`, so the same manifest gives the same tree next year. The lock file is written without host names: its hash is
 * the same whichever mirror served it.
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { TargetError } from '../../exchange/index.ts';
import type { Env } from './find-program.ts';
import { installFailure } from './install-failure.ts';
import { type Installed, type InstallerDeps, runStep } from './installer.ts';
import { npmBins } from './npm-bins.ts';
import { npmProgram } from './npm-program.ts';
import { npmRegistry, probeRegistry } from './npm-registry.ts';
import { type NpmSource, titleOf } from './package-source.ts';
import { patience, RegistryWatch } from './registry-watch.ts';

const options = [
  '--ignore-scripts',
  '--no-audit',
  '--no-fund',
  '--omit=dev',
  '--no-progress',
  '--no-update-notifier',
  '--no-workspaces',
  '--no-global',
  '--package-lock=true',
  '--omit-lockfile-registry-resolved',
  '--install-strategy=hoisted',
  // Each answer of the registry, for the watch.
  '--loglevel=http',
];

export async function installNpm(
  source: NpmSource,
  directory: string,
  deps: InstallerDeps,
  signal: AbortSignal,
): Promise<Installed> {
  const npm = npmProgram(deps.nodePath, deps.env);
  const manifest = { private: true, dependencies: { [source.package]: source.version } };
  writeFileSync(path.join(directory, 'package.json'), `${JSON.stringify(manifest)}\n`);
  const before = source.resolvedBefore === undefined ? [] : [`--before=${source.resolvedBefore}`];
  const title = titleOf(source);
  const where = { cwd: directory, env: { ...patience, ...withoutRunSettings(deps.env) } };
  const watch = new RegistryWatch({
    clock: deps.clock,
    waits: deps.registryWaits,
    what: `installing ${title}`,
    progress: deps.progress,
    registry: (over) => npmRegistry({ npm, packageName: source.package, ...where }, deps, over),
    probe: probeRegistry,
  });
  const args = [...npm.args, 'install', ...options, ...before, `--prefix=${directory}`];
  const either = AbortSignal.any([signal, watch.signal]);
  const run = runStep({ command: npm.command, args, ...where }, deps, either, (text) => watch.heard(text));
  const end = await run.finally(() => watch.stop());
  if (!end.ok) throw installFailure(title, 'npm', { ...end, stderr: withoutAnswers(end.stderr) }, watch.silent);
  const lock = readFileSync(path.join(directory, 'package-lock.json'), 'utf8');
  const integrity = integrityOf(lock, source.package);
  checkIntegrity(source, integrity);
  return {
    lockHash: `sha256-${createHash('sha256').update(lock).digest('hex')}`,
    bins: npmBins(directory, source.package),
    ...(integrity !== undefined && { integrity }),
  };
}

/** Why npm failed is read from its words, and a package may be called `x-timed-out`: lines with the URLs of packages are none of them. */
function withoutAnswers(stderr: string): string {
  return stderr.replaceAll(/^.*npm http .*$/gm, '');
}

function checkIntegrity(source: NpmSource, found: string | undefined): void {
  const expected = source.integrity;
  if (expected === undefined) return;
  // A lock may hold several checksums of one package; each stands alone.
  if (found !== undefined && found.split(/\s+/).includes(expected)) return;
  throw new TargetError(
    'IntegrityMismatch',
    `${titleOf(source)} has the checksum ${found ?? '(none)'}, expected was ${expected}; nothing of it was run. Find out why it changed before correcting integrity`,
    false,
  );
}

function integrityOf(lock: string, packageName: string): string | undefined {
  const { packages } = JSON.parse(lock) as { packages?: Record<string, { integrity?: string }> };
  return packages?.[`node_modules/${packageName}`]?.integrity;
}

/**
 * npm hands its own run-time settings to what it runs (`npx quaymaster up`, `npm run up`): the project it was called for, its prefix.
 * Passed on, they would turn the install to that project. Settings of the user (registry, proxy, tokens) use other names or files.
 */
function withoutRunSettings(env: Env): Env {
  const runSettings =
    /^(npm_(package|lifecycle|command|execpath|node_execpath)|INIT_CWD$|npm_config_(local_prefix|prefix|global|global_prefix|globalconfig|workspace|workspaces|omit|include|before|dry_run|package|call|save.*|package_lock.*|ignore_scripts)$)/i;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !runSettings.test(name)));
}
