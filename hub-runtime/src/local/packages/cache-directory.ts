/** Where installed packages are kept: shared by all projects of a user, safe to delete at any time. */
import { homedir } from 'node:os';
import path from 'node:path';

export function cacheDirectory(
  env: Readonly<Record<string, string | undefined>>,
  platform: NodeJS.Platform = process.platform,
): string {
  return path.join(userCache(env, platform), 'quaymaster', 'packages');
}

function userCache(env: Readonly<Record<string, string | undefined>>, platform: NodeJS.Platform): string {
  const configured = env['XDG_CACHE_HOME'];
  // The XDG specification tells to ignore relative paths.
  if (configured !== undefined && path.isAbsolute(configured)) return configured;
  const home = env['HOME'] ?? homedir();
  if (platform === 'win32') return env['LOCALAPPDATA'] ?? path.join(home, 'AppData', 'Local');
  return platform === 'darwin' ? path.join(home, 'Library', 'Caches') : path.join(home, '.cache');
}
