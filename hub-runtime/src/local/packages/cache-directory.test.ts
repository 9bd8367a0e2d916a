import { expect, test } from 'vitest';

import { cacheDirectory } from './cache-directory.ts';
import { findProgram } from './find-program.ts';

test.each([
  [{ XDG_CACHE_HOME: '/x', HOME: '/h' }, 'linux', '/x/quaymaster/packages'],
  [{ XDG_CACHE_HOME: 'relative', HOME: '/h' }, 'linux', '/h/.cache/quaymaster/packages'],
  [{ HOME: '/h' }, 'darwin', '/h/Library/Caches/quaymaster/packages'],
  [{ LOCALAPPDATA: '/l', HOME: '/h' }, 'win32', '/l/quaymaster/packages'],
  [{ HOME: '/h' }, 'win32', '/h/AppData/Local/quaymaster/packages'],
] as const)('%o on %s', (env, platform, expected) => {
  expect(cacheDirectory(env, platform)).toBe(expected);
});

test('programs are found as a shell finds them', () => {
  expect(findProgram('sh', { PATH: '::/nowhere:/bin' }, 'linux')).toBe('/bin/sh');
  expect(findProgram('sh', {}, 'linux')).toBeUndefined();
  expect(findProgram('bin', { PATH: '/' }, 'linux')).toBeUndefined();
  expect(findProgram('sh', { Path: '/bin', PATHEXT: ';.EXE' }, 'win32')).toBe('/bin/sh');
});
