import type { HubConfig, ServerConfig } from '@quaymaster/crds';
import { expect, test } from 'vitest';

import { objectValues } from '../load/index.ts';
import { withValueHashes } from './value-hash.ts';

const key = Buffer.alloc(32, 1);
const server = (name: string, more: Partial<ServerConfig> = {}) =>
  ({
    namespace: 'default',
    name,
    key: `default/${name}`,
    runtimeHash: 'r',
    env: [],
    headers: [],
    ...more,
  }) as unknown as ServerConfig;
const hub = (...servers: ServerConfig[]) => ({ hash: 'h', servers }) as unknown as HubConfig;
const secret = (value: string) =>
  objectValues([{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, stringData: { k: value } }], []);
const ref = { name: 's', key: 'k', optional: false };

const hashes = (one: HubConfig, value: string, by = key) => {
  const [result] = withValueHashes([one], secret(value), by);
  return [result?.hash, ...(result?.servers ?? []).map((each) => each.runtimeHash)];
};

test('a hub without references is the very same object', () => {
  const one = hub(server('a', { env: [{ name: 'A', value: '1' }] }));
  expect(withValueHashes([one], secret('x'), key)[0]).toBe(one);
});

test.each([
  ['a variable', { env: [{ name: 'A', secretKeyRef: ref }] }],
  ['envFrom', { env: [{ from: { kind: 'Secret', name: 's', prefix: '', optional: false } }] }],
  ['a header', { headers: [{ name: 'Authorization', secretKeyRef: ref }] }],
] as const)('a changed value behind %s changes that server and its hub, and nothing else', (_title, more) => {
  const one = hub(server('a', more as Partial<ServerConfig>), server('b'));
  const before = hashes(one, 'old');
  const after = hashes(one, 'new');
  expect(after[0]).not.toBe(before[0]);
  expect(after[1]).not.toBe(before[1]);
  expect(after[2]).toBe('r');
  expect(hashes(one, 'old')).toEqual(before);
});

test('the same value under another key is another hash: what is shown tells nothing about the value', () => {
  const one = hub(server('a', { env: [{ name: 'A', secretKeyRef: ref }] }));
  expect(hashes(one, 'x')).not.toEqual(hashes(one, 'x', Buffer.alloc(32, 2)));
});

test('ConfigMaps count too, and so does a key that appears', () => {
  const one = hub(server('a', { env: [{ name: 'A', configMapKeyRef: { ...ref, name: 'c', optional: true } }] }));
  const withMap = objectValues(
    [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' }, data: { k: 'v' } }],
    [],
  );
  expect(withValueHashes([one], withMap, key)[0]?.hash).not.toBe(withValueHashes([one], secret('x'), key)[0]?.hash);
});
