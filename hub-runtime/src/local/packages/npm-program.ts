/** Finds npm. Run by the hub's own Node, so neither its shebang nor an old `node` on PATH decides. */
import { existsSync, realpathSync } from 'node:fs';
import path from 'node:path';

import { TargetError } from '../../exchange/index.ts';
import { type Env, findProgram } from './find-program.ts';

export interface Program {
  readonly command: string;
  readonly args: readonly string[];
}

export function npmProgram(nodePath: string, env: Env, platform: NodeJS.Platform = process.platform): Program {
  const bin = path.dirname(nodePath);
  const found = findProgram('npm', env, platform);
  const scripts = [
    path.join(bin, '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js'),
    path.join(bin, 'node_modules', 'npm', 'bin', 'npm-cli.js'),
    ...(found === undefined
      ? []
      : [real(found), path.join(path.dirname(found), 'node_modules', 'npm', 'bin', 'npm-cli.js')]),
  ];
  const script = scripts.find((file) => file.endsWith('.js') && existsSync(file));
  if (script !== undefined) return { command: nodePath, args: [script] };
  if (found !== undefined && platform !== 'win32') return { command: found, args: [] };
  throw new TargetError(
    'RuntimeMissing',
    'npm sources need npm, which is neither beside this Node nor on PATH; install Node with npm, or put npm on PATH',
    true,
  );
}

function real(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file;
  }
}
