/**
 * Directories handed to a server, and `$(roots.<name>)` in its arguments and variables.
 *
 * `directory` must exist: creating it would hide a typing error behind an empty folder. `emptyDir` is made under the hub's scratch directory,
 * empty once per run of the hub, and kept over restarts of the server within it.
 */
import { mkdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';

import type { RootConfig, ServerConfig } from '@quaymaster/crds';

import { TargetError } from '../../exchange/index.ts';

export interface RootPlaces {
  /** Of the manifest that declares the server. */
  readonly manifestDirectory: string;
  readonly scratchDirectory: string;
  /** Directories already emptied in this run of the hub. */
  readonly emptied: Set<string>;
}

export function resolveRoots(server: ServerConfig, places: RootPlaces): ReadonlyMap<string, string> {
  return new Map(server.roots.map((root) => [root.name, pathOf(server, root, places)]));
}

function pathOf(server: ServerConfig, root: RootConfig, places: RootPlaces): string {
  if (root.directory !== undefined) {
    const directory = path.resolve(places.manifestDirectory, root.directory);
    const found = statSync(directory, { throwIfNoEntry: false });
    if (found?.isDirectory() === true) return directory;
    const what = found === undefined ? 'does not exist' : 'is not a directory';
    throw new TargetError(
      'RootNotFound',
      `root "${root.name}": ${directory} ${what}; create it, or correct spec.roots`,
      true,
    );
  }
  if (root.claim !== undefined)
    throw new TargetError(
      'Unsupported',
      `root "${root.name}" is a volume claim, which only a cluster has; name a directory (or emptyDir) for this machine`,
      false,
    );
  return emptyDirectory(server, root, places);
}

function emptyDirectory(server: ServerConfig, root: RootConfig, places: RootPlaces): string {
  const parts = [server.namespace, server.name, root.name];
  // Names are checked by the schema; what is about to be emptied recursively is checked again.
  if (!parts.every((part) => /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(part) && !part.includes('..')))
    throw new TargetError('Unsupported', `root "${root.name}" cannot be given a directory under this name`, false);
  const directory = path.join(places.scratchDirectory, ...parts);
  if (!places.emptied.has(directory)) {
    rmSync(directory, { recursive: true, force: true });
    places.emptied.add(directory);
  }
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return directory;
}

/** `$(roots.docs)` becomes its path, `$$(roots.docs)` the literal text, everything else stays. */
export function substituteRoots(text: string, roots: ReadonlyMap<string, string>): string {
  return text.replace(/\$?\$\(roots\.([A-Za-z0-9._-]+)\)/g, (match: string, name: string) => {
    if (match.startsWith('$$')) return match.slice(1);
    const found = roots.get(name);
    if (found !== undefined) return found;
    throw new TargetError(
      'UnknownRoot',
      `$(roots.${name}) names no entry of spec.roots; declare it, or write $$(roots.${name}) for the text`,
      false,
    );
  });
}
