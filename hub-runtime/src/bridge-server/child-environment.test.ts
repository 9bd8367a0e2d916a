import { describe, expect, test } from 'vitest';

import { childEnvironment, installerEnvironment, secretValues } from './child-environment.ts';
import { plainSettings } from './testing/bridge-world.ts';

const command = plainSettings;
const npm = { ...plainSettings, program: { kind: 'npm', package: 'a', version: '1', cache: '/c' } } as const;

const pod = {
  PATH: '/opt/app/bin:/usr/bin',
  HOME: '/tmp',
  JAVA_HOME: '/opt/java',
  LANG: 'C.UTF-8',
  LC_ALL: 'C',
  NODE_OPTIONS: '',
  NPM_CONFIG_USERCONFIG: '/run/quaymaster/mirrors/npmrc',
  KUBERNETES_SERVICE_HOST: '10.0.0.1',
  QM_BRIDGE: '{}',
  QM_POD_NAME: 'p',
  QM_CHILD_MODE: 'fast',
  QM_CHILD_PATH: '/mine',
  GONE: undefined,
};

describe('EF-72 what a child gets', () => {
  test('an image of the user: what the image sets and its own variables, which win', () => {
    expect(childEnvironment(pod, command)).toEqual({
      PATH: '/mine',
      HOME: '/tmp',
      JAVA_HOME: '/opt/java',
      LANG: 'C.UTF-8',
      LC_ALL: 'C',
      NPM_CONFIG_USERCONFIG: '/run/quaymaster/mirrors/npmrc',
      MODE: 'fast',
    });
  });

  test('a runner image: nothing of the package manager’s', () => {
    expect(childEnvironment(pod, npm)).toEqual({
      PATH: '/mine',
      HOME: '/tmp',
      LANG: 'C.UTF-8',
      LC_ALL: 'C',
      MODE: 'fast',
    });
  });

  test('options of Node reach the child only by its own variable', () => {
    expect(childEnvironment({ NODE_OPTIONS: '', QM_CHILD_NODE_OPTIONS: '--x' }, command)).toEqual({
      NODE_OPTIONS: '--x',
    });
    expect(childEnvironment({ NODE_OPTIONS: '--image' }, command)).toEqual({ NODE_OPTIONS: '--image' });
    expect(childEnvironment({ NODE_OPTIONS: '--image' }, npm)).toEqual({});
  });

  test('a package manager gets neither the server’s variables nor the bridge’s', () => {
    expect(Object.keys(installerEnvironment(pod, npm)).filter((name) => /QM_|KUBER/.test(name))).toEqual([]);
    expect(installerEnvironment(pod, npm)['NPM_CONFIG_USERCONFIG']).toBe(pod.NPM_CONFIG_USERCONFIG);
  });

  test('secret values: by name, by prefix of a whole Secret, and by a name that says so', () => {
    const env = { QM_CHILD_A: '1', QM_CHILD_DB_USER: '2', QM_CHILD_API_TOKEN: '3', QM_CHILD_MODE: '4', A: '5' };
    expect(secretValues(env, command)).toEqual(['3']);
    expect(secretValues(env, { ...command, secretVariables: ['A', 'DB_*'] })).toEqual(['1', '2', '3']);
    expect(secretValues(env, { ...command, secretVariables: ['*'] })).toEqual(['1', '2', '3', '4']);
  });
});
