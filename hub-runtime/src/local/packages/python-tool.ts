/** Finds what makes Python environments here: uv, or a Python with venv (pipx brings one). Says what is missing when there is neither. */
import { TargetError } from '../../exchange/index.ts';
import { type Env, findProgram } from './find-program.ts';
import { type InstallerDeps, runStep } from './installer.ts';

export type PythonTool =
  | { readonly kind: 'uv'; readonly command: string }
  | { readonly kind: 'python'; readonly command: string };

export async function findPythonTool(
  python: string | undefined,
  deps: InstallerDeps,
  cwd: string,
  signal: AbortSignal,
): Promise<PythonTool> {
  const uv = findProgram('uv', deps.env);
  if (uv !== undefined) return { kind: 'uv', command: uv };
  const names = python === undefined ? ['python3', 'python'] : [`python${python}`, 'python3', 'python'];
  const seen: string[] = [];
  for (const command of [...programs(names, deps.env), ...(await pythonOfPipx(deps, cwd, signal))]) {
    const version = await versionOf(command, deps, cwd, signal);
    if (version === undefined) continue;
    seen.push(version);
    if (python === undefined ? version.startsWith('3.') : `${version}.`.startsWith(`${python}.`))
      return { kind: 'python', command };
  }
  if (python !== undefined && seen.length > 0)
    throw new TargetError(
      'RuntimeMissing',
      `Python ${python} is wanted, found was ${[...new Set(seen)].join(', ')}; install uv (it brings any version), or that Python`,
      true,
    );
  throw new TargetError(
    'RuntimeMissing',
    "pypi sources need uv, pipx or Python 3 with venv, and none of them is on PATH; install uv (one program, brings Python itself), or your system's python3 and python3-venv",
    true,
  );
}

function programs(names: readonly string[], env: Env): string[] {
  return names.map((name) => findProgram(name, env)).filter((file) => file !== undefined);
}

async function pythonOfPipx(deps: InstallerDeps, cwd: string, signal: AbortSignal): Promise<readonly string[]> {
  const pipx = findProgram('pipx', deps.env);
  if (pipx === undefined) return [];
  const args = ['environment', '--value', 'PIPX_DEFAULT_PYTHON'];
  const end = await runStep({ command: pipx, args, cwd, env: deps.env }, deps, signal);
  return end.ok && end.stdout.trim() !== '' ? [end.stdout.trim()] : [];
}

async function versionOf(
  command: string,
  deps: InstallerDeps,
  cwd: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const args = ['-c', 'import sys; print("%d.%d.%d" % sys.version_info[:3])'];
  const end = await runStep({ command, args, cwd, env: deps.env }, deps, signal);
  return end.ok && /^\d+\.\d+\.\d+$/.test(end.stdout.trim()) ? end.stdout.trim() : undefined;
}
