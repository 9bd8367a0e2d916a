import { expect, test } from 'vitest';

import { baseEnvironment } from './base-environment.ts';

test('tokens of other programs are never inherited', () => {
  const env = {
    PATH: '/bin',
    TMPDIR: '/t',
    LANG: 'C',
    NPM_TOKEN: 'x',
    OPENAI_API_KEY: 'x',
    SYSTEMROOT: 'x',
    path: 'x',
    EMPTY: undefined,
  };
  expect(baseEnvironment(env, 'linux')).toEqual({ PATH: '/bin', TMPDIR: '/t', LANG: 'C' });
});

test('on Windows names differ in case, and programs need more', () => {
  const env = { Path: 'C:\\x', SystemRoot: 'C:\\Windows', windir: 'C:\\Windows', NPM_TOKEN: 'x', SHLVL: '1' };
  expect(baseEnvironment(env, 'win32')).toEqual({ Path: 'C:\\x', SystemRoot: 'C:\\Windows', windir: 'C:\\Windows' });
});
