/** One client file as manifests. Pure but for the environment files it names. */
import type { ManifestObject } from '@quaymaster/crds';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseEnv } from 'node:util';

import type { SourceText } from '../load/index.ts';
import type { Problem } from '../problems/index.ts';
import { readClientFile } from './client-shape.ts';
import { mapServer } from './map-server.ts';
import type { ServerNames } from './server-name.ts';

export interface ClientImport {
  readonly objects: readonly ManifestObject[];
  readonly problems: readonly Problem[];
  readonly broken: boolean;
}

export interface ImportContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Shared by all files of one load, so that no two servers get one name. */
  readonly names: ServerNames;
  readonly missing: 'refuse' | 'keep';
}

/** Undefined when the text is no client file. */
export function importClientFile(source: SourceText, context: ImportContext): ClientImport | undefined {
  const read = readClientFile(source.file, source.text);
  if (read.broken) return { objects: [], problems: read.problems, broken: true };
  if (read.shape === undefined) return undefined;
  const workspace = workspaceOf(source.directory);
  const mapped = read.shape.servers.map((entry) =>
    mapServer(entry, context.names.take(entry.name), {
      file: source.file,
      env: context.env,
      missing: context.missing,
      inputs: read.shape?.inputs ?? [],
      workspace,
      readEnvFile: (name) => readEnvFile(path.resolve(workspace, name)),
    }),
  );
  return {
    objects: mapped.flatMap((one) => one.objects),
    problems: mapped.flatMap((one) => one.problems),
    broken: false,
  };
}

/** Editors keep their file in `.vscode` or `.cursor` below the folder they have open. */
export function workspaceOf(directory: string): string {
  return path.basename(directory).startsWith('.') ? path.dirname(directory) : directory;
}

function readEnvFile(absolute: string): ReadonlyMap<string, string> | undefined {
  try {
    return new Map(
      Object.entries(parseEnv(readFileSync(absolute, 'utf8'))).flatMap(([key, value]) =>
        value === undefined ? [] : [[key, value] as const],
      ),
    );
  } catch {
    return undefined;
  }
}
