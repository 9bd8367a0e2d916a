import type { ServerConfig } from '@quaymaster/crds';
import { expect, test } from 'vitest';

import type { ServerTarget, TargetResolver } from '../../exchange/index.ts';
import { countInstallations } from './installations.ts';

const target: ServerTarget = { kind: 'http', url: 'http://x/', headers: {} };
const server = {} as ServerConfig;
const signal = new AbortController().signal;

test('an installation counts from its first progress to its end, also when it fails; what is there already does not', async () => {
  const ends: ((error?: Error) => void)[] = [];
  const inner: TargetResolver = {
    resolve: (_server, progress) => {
      progress('installing');
      progress('still installing');
      return new Promise((resolve, reject) => {
        ends.push((error) => (error === undefined ? resolve(target) : reject(error)));
      });
    },
  };
  const said: string[] = [];
  const counted = countInstallations(inner);
  const one = counted.targets.resolve(server, (line) => said.push(line), signal);
  const two = counted.targets.resolve(server, () => {}, signal);
  expect([counted.running(), counted.finished()]).toEqual([2, 0]);
  ends[0]?.();
  expect(await one).toBe(target);
  expect([counted.running(), counted.finished()]).toEqual([1, 1]);
  ends[1]?.(new Error('no network'));
  await expect(two).rejects.toThrow('no network');
  expect([counted.running(), counted.finished()]).toEqual([0, 2]);
  expect(said).toEqual(['installing', 'still installing']);

  const cached = countInstallations({ resolve: () => Promise.resolve(target) });
  const three = cached.targets.resolve(server, () => {}, signal);
  expect(cached.running()).toBe(0);
  await three;
  expect(cached.finished()).toBe(0);
});
