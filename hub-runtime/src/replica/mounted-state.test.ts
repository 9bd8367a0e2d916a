import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';

import type { HubPodSettings } from '@quaymaster/crds';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { silentLogger } from '../base/index.ts';
import { MountedState } from './mounted-state.ts';
import { documentOf, mountOf, type TestMount } from './testing/index.ts';

let folder: string;
let mounts: Record<'config' | 'credentials' | 'sealing', TestMount>;
let said: string[];
let state: MountedState;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'qm-state-'));
  for (const name of ['config', 'credentials', 'sealing']) mkdirSync(path.join(folder, name));
  const at = (name: string) => path.join(folder, name);
  mounts = { config: mountOf(at('config')), credentials: mountOf(at('credentials')), sealing: mountOf(at('sealing')) };
  said = [];
  state = new MountedState({
    settings: {
      configDirectory: at('config'),
      credentialsDirectory: at('credentials'),
      sealingDirectory: at('sealing'),
    } as HubPodSettings,
    log: { ...silentLogger, error: (fields) => said.push(`error ${(fields as { error: string }).error}`) },
    onCredentials: (values) => said.push(`credentials ${[...values.keys()].join()}`),
    onSealingKeys: ({ previous }) => said.push(previous === undefined ? 'key' : 'keys'),
    onDocument: ({ generation }) => said.push(`document ${generation}`),
  });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const told = async (): Promise<string[]> => {
  said = [];
  await state.look();
  return said;
};
const gz = (generation: number): Buffer => gzipSync(JSON.stringify(documentOf(generation)));

test('keys and credentials come before the document that may need them; what did not change is not told again', async () => {
  expect(await told()).toEqual(['credentials ']);
  const current = randomBytes(32);
  mounts.sealing.write({ current });
  mounts.credentials.write({ a: '1' });
  mounts.config.write({ 'document.json.gz': gz(1), 'ca.crt': 'PEM' });
  expect(await told()).toEqual(['key', 'credentials a', 'document 1']);
  expect(await told()).toEqual(['credentials a']);
  mounts.sealing.write({ current: randomBytes(32), previous: current });
  mounts.config.write({ 'document.json.gz': gz(2), 'ca.crt': 'PEM' });
  expect(await told()).toEqual(['keys', 'credentials a', 'document 2']);
});

test('what cannot be used is named once, and nothing else waits for it', async () => {
  mounts.sealing.write({ current: randomBytes(16) });
  mounts.config.write({ 'document.json.gz': Buffer.from('x') });
  expect(await told()).toEqual([
    'error the sealing key "current" has 16 bytes instead of 32',
    'credentials ',
    'error unexpected end of file',
  ]);
  expect(await told()).toEqual(['credentials ']);
  mounts.sealing.write({ current: randomBytes(32), previous: randomBytes(1) });
  mounts.config.write({ 'document.json.gz': gz(1) });
  expect(await told()).toEqual([
    'error the sealing key "previous" has 1 bytes instead of 32',
    'credentials ',
    'document 1',
  ]);
});

test('looks do not overlap; one that is asked for meanwhile sees what the running one missed', async () => {
  mounts.config.write({ 'document.json.gz': gz(1) });
  const first = state.look();
  mounts.config.write({ 'document.json.gz': gz(2) });
  await Promise.all([first, state.look(), state.look()]);
  expect(said.filter((line) => line.startsWith('document')).at(-1)).toBe('document 2');
  expect(said.filter((line) => line.startsWith('credentials'))).toHaveLength(2);
});

test('the authority is what is mounted now, and without one nobody is trusted', async () => {
  await expect(state.authority()).rejects.toThrow('no operator can be trusted');
  mounts.config.write({ 'ca.crt': 'PEM 1' });
  expect(await state.authority()).toBe('PEM 1');
  mounts.config.write({ 'ca.crt': 'PEM 2' });
  expect(await state.authority()).toBe('PEM 2');
});
