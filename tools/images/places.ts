/** Where builds keep what they fetched and made: outside the tree, safe to delete at any time. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

export function cacheFolder(...parts: readonly string[]): string {
  const configured = process.env['XDG_CACHE_HOME'];
  const base = configured !== undefined && isAbsolute(configured) ? configured : join(homedir(), '.cache');
  const folder = join(base, 'quaymaster', 'images', ...parts);
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** A folder beside the cache, so that what is finished in it can be moved into place at once. */
export async function withScratch<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(cacheFolder('scratch'), 'make-'));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
