import type { HubConfig } from '@quaymaster/crds';
import { expect, test } from 'vitest';

import type { HubPort } from '../exchange/index.ts';
import { createHubDirectory } from './hub-directory.ts';

const config = (namespace: string, name: string, path = '/mcp') => ({ namespace, name, path }) as HubConfig;
const ports = (...keys: string[]) => {
  const all = new Map(keys.map((key) => [key, { key } as unknown as HubPort]));
  return (key: string) => all.get(key);
};

test('the first hub has its plain path, every hub its own', () => {
  const directory = createHubDirectory();
  const port = ports('a/x', 'b/y');
  directory.replace([config('a', 'x'), config('b', 'y', '/tools')], port);
  expect(directory.resolve('/mcp')).toBe(port('a/x'));
  expect(directory.resolve('/hubs/a/x/mcp')).toBe(port('a/x'));
  expect(directory.resolve('/hubs/b/y/tools')).toBe(port('b/y'));
  for (const none of ['/tools', '/', '/mcp/', '/hubs/a/x', '/__proto__'])
    expect(directory.resolve(none), none).toBeUndefined();
});

test('a replacement is whole: what left is not found any more', () => {
  const directory = createHubDirectory();
  directory.replace([config('a', 'x'), config('b', 'y')], ports('a/x', 'b/y'));
  directory.replace([config('b', 'y')], ports('b/y'));
  expect(directory.resolve('/hubs/a/x/mcp')).toBeUndefined();
  expect(directory.resolve('/mcp')).toEqual({ key: 'b/y' });
});

test('a hub that does not run is not offered', () => {
  const directory = createHubDirectory();
  directory.replace([config('a', 'x')], ports());
  expect(directory.resolve('/mcp')).toBeUndefined();
});
