import { expect, test } from 'vitest';

import { childTarget } from './child-target.ts';
import { plainSettings } from './testing/bridge-world.ts';

const never = new AbortController().signal;
const env = { PATH: '/bin', QM_CHILD_API_TOKEN: 'secret-value' };

test('a command line is run as it stands', async () => {
  const settings = { ...plainSettings, program: { kind: 'command', cwd: '/app' } } as const;
  const deps = { settings, words: ['/bin/tool', '--x', 'a b'], env, install: () => Promise.reject(new Error('no')) };
  expect(await childTarget(deps, () => {}, never)).toEqual({
    kind: 'stdio',
    command: '/bin/tool',
    args: ['--x', 'a b'],
    cwd: '/app',
    env: { PATH: '/bin', API_TOKEN: 'secret-value' },
    secrets: ['secret-value'],
  });
});

test('a package is installed first; its executable gets the words', async () => {
  const program = {
    kind: 'pypi',
    package: 'a',
    version: '1.0',
    with: ['b==2'],
    python: '3.12',
    cache: '/cache',
  } as const;
  const asked: unknown[] = [];
  const deps = {
    settings: { ...plainSettings, program },
    words: ['--stdio'],
    env,
    install: (source: unknown) => {
      asked.push(source);
      return Promise.resolve({ command: '/venv/python', args: ['/venv/a'] });
    },
  };
  const target = await childTarget(deps, () => {}, never);
  expect(target).toMatchObject({ command: '/venv/python', args: ['/venv/a', '--stdio'], cwd: undefined });
  expect(asked).toEqual([{ kind: 'pypi', package: 'a', version: '1.0', with: ['b==2'], python: '3.12', args: [] }]);
});
