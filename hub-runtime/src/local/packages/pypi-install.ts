/**
 * Installs one PyPI package into an environment of its own, at its final place: environments hold absolute paths and cannot be moved.
 *
 * Wheels only: building a source distribution would run its scripts, as an npm install script would. uv when it is there (fast, brings any
 * Python, knows upload dates), else venv and pip.
 */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';

import { TargetError } from '../../exchange/index.ts';
import type { Env } from './find-program.ts';
import { installFailure } from './install-failure.ts';
import { type Installed, type InstallerDeps, runStep } from './installer.ts';
import type { Bin } from './package-record.ts';
import { type PypiSource, titleOf } from './package-source.ts';
import { findPythonTool, type PythonTool } from './python-tool.ts';

/** The environment's own Python says what was installed: distributions, and the scripts of the wanted one. */
const account = `
import importlib.metadata as m, json, sys
own = m.distribution(sys.argv[1])
print(json.dumps({
  "scripts": [e.name for e in own.entry_points if e.group == "console_scripts"],
  "tree": sorted({(d.metadata["Name"] or "").lower().replace("_", "-") + "==" + d.version for d in m.distributions()} - {""}),
}))
`;

export async function installPypi(
  source: PypiSource,
  directory: string,
  given: InstallerDeps,
  signal: AbortSignal,
): Promise<Installed> {
  const title = titleOf(source);
  const env = withoutEnvironment(given.env);
  const deps = { ...given, env };
  const tool = await findPythonTool(source.python, deps, directory, signal);
  const run = async (name: string, command: string, args: readonly string[]): Promise<string> => {
    const end = await runStep({ command, args, cwd: directory, env }, deps, signal);
    if (end.ok) return end.stdout;
    if (/ensurepip|No module named '?venv|python3-venv/.test(end.stderr + end.stdout))
      throw new TargetError(
        'RuntimeMissing',
        'this Python cannot make environments; install uv, or the package python3-venv of your system',
        true,
      );
    throw installFailure(title, name, end);
  };
  const venv = path.join(directory, 'venv');
  const python = path.join(directory, pythonFile);
  const wanted = [titleOf(source), ...source.with];
  if (tool.kind === 'uv') {
    const version = source.python === undefined ? [] : ['--python', source.python];
    await run('uv', tool.command, ['venv', '--no-project', '--no-config', '--quiet', ...version, venv]);
    const before = source.resolvedBefore === undefined ? [] : ['--exclude-newer', momentOf(source.resolvedBefore)];
    const options = ['--no-build', '--no-progress', '--python', python, ...before];
    await run('uv', tool.command, ['pip', 'install', ...options, '--', ...wanted]);
  } else {
    await run('python', tool.command, ['-m', 'venv', venv]);
    const before = await pipBefore(source, tool, python, run);
    const options = [
      '--only-binary=:all:',
      '--no-input',
      '--disable-pip-version-check',
      '--progress-bar=off',
      '--quiet',
    ];
    await run('pip', python, ['-m', 'pip', 'install', ...options, ...before, '--', ...wanted]);
  }
  const said = JSON.parse(await run('python', python, ['-c', account, source.package])) as {
    scripts: string[];
    tree: string[];
  };
  // What pip needs for itself is not part of the server.
  const lock = `${said.tree.filter((line) => !/^(pip|setuptools|wheel)==/.test(line)).join('\n')}\n`;
  writeFileSync(path.join(directory, 'requirements.lock'), lock);
  return {
    lockHash: `sha256-${createHash('sha256').update(lock).digest('hex')}`,
    bins: Object.fromEntries(said.scripts.map((name) => [name, scriptOf(name)])),
  };
}

const windows = process.platform === 'win32';

/** Of an entry, relative to its directory. */
export const pythonFile = windows ? path.join('venv', 'Scripts', 'python.exe') : path.join('venv', 'bin', 'python');

/** Run through the interpreter: its own first line breaks when the path is long or holds a space. */
function scriptOf(name: string): Bin {
  return windows
    ? { file: path.join('venv', 'Scripts', `${name}.exe`), run: 'direct', options: [] }
    : { file: path.join('venv', 'bin', name), run: 'python', options: [] };
}

async function pipBefore(
  source: PypiSource,
  tool: PythonTool,
  python: string,
  run: (name: string, command: string, args: readonly string[]) => Promise<string>,
): Promise<readonly string[]> {
  if (source.resolvedBefore === undefined) return [];
  const help = await run('pip', python, ['-m', 'pip', 'install', '--help']);
  if (help.includes('--uploaded-prior-to')) return ['--uploaded-prior-to', momentOf(source.resolvedBefore)];
  throw new TargetError(
    'RuntimeMissing',
    `resolvedBefore needs uv, or a Python whose pip knows --uploaded-prior-to (the one of ${tool.command} does not); install uv, or remove resolvedBefore`,
    true,
  );
}

/** A day without a time means its beginning, as for npm. */
function momentOf(resolvedBefore: string): string {
  return resolvedBefore.includes('T') ? resolvedBefore : `${resolvedBefore}T00:00:00Z`;
}

/** The user's active environment must not answer for ours. */
function withoutEnvironment(env: Env): Env {
  const active = new Set([
    'VIRTUAL_ENV',
    'CONDA_PREFIX',
    'PYTHONPATH',
    'PYTHONHOME',
    'PIP_TARGET',
    'PIP_PREFIX',
    'PIP_USER',
    'PIP_REQUIRE_VIRTUALENV',
    'UV_PROJECT_ENVIRONMENT',
    'UV_SYSTEM_PYTHON',
  ]);
  return Object.fromEntries(Object.entries(env).filter(([name]) => !active.has(name)));
}
