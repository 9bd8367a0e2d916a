/**
 * `PATH` gives variables for `${VAR}` in client files (`--env-file`); `NAME=PATH` is the Secret NAME (`--secret`), as
 * `kubectl create secret generic NAME --from-env-file=PATH` would make it. One file, the same meaning as on a cluster.
 */
import path from 'node:path';
import { parseEnv } from 'node:util';

import { type Problem, problem } from '../problems/index.ts';
import type { NamedFile } from './object-values.ts';
import { readBounded } from './read-sources.ts';

export interface EnvFilesRead {
  readonly variables: Readonly<Record<string, string>>;
  readonly secrets: readonly NamedFile[];
  readonly problems: readonly Problem[];
  /** Absolute paths, for watching. */
  readonly files: readonly string[];
}

const named = /^([a-z0-9](?:[-a-z0-9.]*[a-z0-9])?)=(.+)$/;

export async function readEnvFiles(options: readonly string[], cwd: string): Promise<EnvFilesRead> {
  const variables: Record<string, string> = {};
  const secrets: NamedFile[] = [];
  const problems: Problem[] = [];
  const files: string[] = [];
  for (const option of options) {
    const match = named.exec(option);
    const file = match?.[2] ?? option;
    const absolute = path.resolve(cwd, file);
    files.push(absolute);
    let entries: Record<string, string | undefined>;
    try {
      entries = parseEnv(await readBounded(absolute)) as Record<string, string | undefined>;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
      problems.push(
        problem('error', `the environment file cannot be read (${code})`, 'check the path', {
          file,
        }),
      );
      continue;
    }
    const pairs = Object.entries(entries).flatMap(([key, value]) =>
      value === undefined ? [] : [[key, value] as const],
    );
    if (match === null) for (const [key, value] of pairs) variables[key] = value;
    else secrets.push({ name: match[1] ?? '', entries: new Map(pairs) });
  }
  return { variables, secrets, problems, files };
}
