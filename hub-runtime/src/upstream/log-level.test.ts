import { expect, test } from 'vitest';

import { ToldLogLevel } from './log-level.ts';

function recorder() {
  const told: string[] = [];
  const release: (() => void)[] = [];
  const tell = (level: string): Promise<void> => {
    told.push(level);
    return new Promise((resolve) => release.push(resolve));
  };
  return { told, release, tell };
}

test('HT-0.04 a server is told once, and again only for a more talkative level', async () => {
  const { told, release, tell } = recorder();
  const level = new ToldLogLevel();
  expect(level.ensure(undefined, tell)).toBeUndefined();
  const first = level.ensure('warning', tell);
  release[0]?.();
  await first;
  expect(level.ensure('warning', tell)).toBeUndefined();
  expect(level.ensure('error', tell)).toBeUndefined();
  const second = level.ensure('debug', tell);
  release[1]?.();
  await second;
  expect(level.ensure('info', tell)).toBeUndefined();
  expect(told).toEqual(['warning', 'debug']);
});

test('calls that come while the server is told wait for it', async () => {
  const { told, release, tell } = recorder();
  const level = new ToldLogLevel();
  const first = level.ensure('info', tell);
  const second = level.ensure('error', tell);
  expect(second).toBe(first);
  release[0]?.();
  await first;
  expect(level.ensure('info', tell)).toBeUndefined();
  expect(told).toEqual(['info']);
});

test('a level that is none is not passed on; a new session is told anew', () => {
  const { told, tell } = recorder();
  const level = new ToldLogLevel();
  void level.ensure('shout', tell);
  void level.ensure('info', tell);
  level.forget();
  void level.ensure('info', tell);
  expect(told).toEqual(['info', 'info']);
});
