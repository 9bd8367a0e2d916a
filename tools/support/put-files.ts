/**
 * Puts what was built into its folder so that whoever runs from there meanwhile never finds a file missing or half written: what is there
 * already stays untouched, the rest is moved into place as a whole, parts before what loads them, and what belongs to an earlier build goes
 * last.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface BuiltFile {
  /** Absolute. */
  readonly path: string;
  readonly contents: Uint8Array;
}

/**
 * `parts`: the folder of what the others load. `sweep`: it holds nothing but files of this build and of earlier ones, which go. What a build that
 * was killed was writing stays: it cannot be told from what another one is writing.
 */
export function putFiles(files: readonly BuiltFile[], parts: string, sweep: boolean): void {
  const paths = new Set(files.map((file) => file.path));
  const isEntry = ({ path }: BuiltFile): boolean => dirname(path) !== parts;
  for (const { path, contents } of files.toSorted((a, b) => Number(isEntry(a)) - Number(isEntry(b)))) {
    if (isSame(path, contents)) continue;
    mkdirSync(dirname(path), { recursive: true });
    const part = `${path}.${process.pid}.part`;
    writeFileSync(part, contents);
    renameSync(part, path);
  }
  for (const name of sweep ? entries(parts) : []) {
    const path = join(parts, name);
    if (!paths.has(path) && !name.endsWith('.part')) rmSync(path, { recursive: true, force: true });
  }
}

function isSame(path: string, contents: Uint8Array): boolean {
  try {
    return readFileSync(path).equals(contents);
  } catch {
    return false;
  }
}

function entries(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
