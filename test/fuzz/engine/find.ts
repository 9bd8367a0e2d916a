/** A find as a file: what was thrown at what, and what broke. The same form for a fresh one and for the regression tests in `finds/`. */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Find {
  readonly target: string;
  /** Byte form: JSON escapes show what is not printable. */
  readonly input: string;
  /** What broke when it was found. */
  readonly broke: string;
  /** How to come there again, and what was done about it. */
  readonly note?: string;
}

/** Writes it and returns its path; one defect of one target has one file. */
export function writeFind(folder: string, find: Find, kind: string): string {
  mkdirSync(folder, { recursive: true });
  const name = createHash('sha256').update(`${find.target} ${kind}`).digest('hex').slice(0, 8);
  const path = join(folder, `${find.target}-${name}.json`);
  writeFileSync(path, `${JSON.stringify(find, undefined, 2)}\n`);
  return path;
}

export function readFinds(folder: string): readonly (Find & { readonly file: string })[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .toSorted()
    .map((file) => ({ file, ...(JSON.parse(readFileSync(join(folder, file), 'utf8')) as Find) }));
}
