/** Where tests keep what is expensive to make, for the next run. */
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** `~/.cache/quaymaster/<name>`; empty and relative values of XDG_CACHE_HOME are ignored, as its specification tells. */
export function cacheFolder(name: string): string {
  const configured = process.env['XDG_CACHE_HOME'];
  const root = configured !== undefined && isAbsolute(configured) ? configured : join(homedir(), '.cache');
  return join(root, 'quaymaster', name);
}
