import { describe, expect, test } from 'vitest';
import { whyNot } from './levels.ts';
import type { MachineFacts } from './levels.ts';

const able: MachineFacts = { platform: 'linux', arch: 'x64', root: true, cgroup: 1, engine: undefined };

describe('HT-I3 a level is required wherever it can be had', () => {
  test.each<[string, Partial<MachineFacts>]>([
    ['as root under cgroup v1', {}],
    ['where an engine answers, whoever we are', { engine: 'docker', root: false, cgroup: 2, arch: 'arm64' }],
  ])('level node %s', (_title, facts) => {
    expect(whyNot('node', { ...able, ...facts })).toBeUndefined();
  });

  test('level control needs neither root nor cgroup v1', () => {
    expect(whyNot('control', { ...able, root: false, cgroup: 2, arch: 'arm64' })).toBeUndefined();
  });
});

describe('HT-I3 the reason is named', () => {
  test.each<[Partial<MachineFacts>, RegExp]>([
    [{ root: false }, /it needs root$/],
    [{ cgroup: 2 }, /it needs cgroup v1$/],
    [{ root: false, cgroup: 2, arch: 'arm64' }, /needs root and needs cgroup v1 and needs an amd64 processor$/],
    [{ platform: 'darwin', engine: 'docker' }, /this is darwin$/],
  ])('level node: %o', (facts, reason) => {
    expect(whyNot('node', { ...able, ...facts })).toMatch(reason);
  });

  test('level control on another system', () => {
    expect(whyNot('control', { ...able, platform: 'win32' })).toMatch(/this is win32$/);
  });
});
