/** Looks a program up on PATH, as a shell would. */
import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';

export type Env = Readonly<Record<string, string | undefined>>;

export function findProgram(name: string, env: Env, platform: NodeJS.Platform = process.platform): string | undefined {
  const windows = platform === 'win32';
  const endings = windows ? (env['PATHEXT'] ?? '.COM;.EXE;.BAT;.CMD').split(';') : [''];
  const list = env['PATH'] ?? env['Path'] ?? '';
  for (const directory of list.split(windows ? ';' : ':')) {
    if (directory === '') continue;
    for (const ending of endings) {
      const file = path.join(directory, name + ending.toLowerCase());
      if (isProgram(file)) return file;
    }
  }
  return undefined;
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
