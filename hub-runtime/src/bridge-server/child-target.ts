/** Which program the child is: the words of the command line, or the executable of a package that is installed first. */
import type { BridgePodSettings, BridgeProgram, ServerSource } from '@quaymaster/crds';

import type { StdioTarget } from '../upstream/index.ts';
import { childEnvironment, type Environment, secretValues } from './child-environment.ts';

type Packaged = Extract<BridgeProgram, { kind: 'npm' | 'pypi' }>;
type PackageSource = Extract<ServerSource, { kind: 'npm' | 'pypi' }>;

/** Installs a package, or finds it installed. `progress` gets short lines for people. Rejects with TargetError. */
export type InstallPackage = (
  source: PackageSource,
  progress: (line: string) => void,
  signal: AbortSignal,
) => Promise<{ readonly command: string; readonly args: readonly string[] }>;

export interface TargetDeps {
  readonly settings: BridgePodSettings;
  /** Behind `--`. */
  readonly words: readonly string[];
  readonly env: Environment;
  readonly install: InstallPackage;
}

export async function childTarget(
  { settings, words, env, install }: TargetDeps,
  progress: (line: string) => void,
  signal: AbortSignal,
): Promise<StdioTarget> {
  const { program } = settings;
  const common = { env: childEnvironment(env, settings), secrets: secretValues(env, settings) };
  if (program.kind === 'command') {
    const [command = '', ...args] = words;
    return { kind: 'stdio', command, args, cwd: program.cwd, ...common };
  }
  const { command, args } = await install(sourceOf(program), progress, signal);
  return { kind: 'stdio', command, args: [...args, ...words], cwd: undefined, ...common };
}

function sourceOf({ cache: _cache, ...source }: Packaged): PackageSource {
  return { ...source, args: [] };
}
