/** A tree on the disk, for builders that copy it: exact modes, all times zero. Owners are the copying builder's business. */
import { chmodSync, lutimesSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Tree } from './tree.ts';

export function writeTree(tree: Tree, folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const names = [...tree.entries.keys()].toSorted();
  for (const name of names) {
    const entry = tree.entries.get(name);
    const place = join(folder, name);
    if (entry?.kind === 'directory') mkdirSync(place);
    if (entry?.kind === 'link') symlinkSync(entry.target, place);
    if (entry?.kind === 'file') writeFileSync(place, entry.content());
    if (entry?.kind === 'directory' || entry?.kind === 'file') chmodSync(place, entry.mode);
  }
  // Children first: writing into a folder changes its time.
  for (const name of names.toReversed()) lutimesSync(join(folder, name), 0, 0);
}
