import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { systemClock } from '../../base/index.ts';
import { type FileWatch, watchFiles } from './watch-files.ts';

let home: string;
let watch: FileWatch | undefined;
let changes = 0;
beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'qm-watch-'));
  mkdirSync(path.join(home, 'm'));
  writeFileSync(path.join(home, 'm', 'a.yaml'), '1');
  writeFileSync(path.join(home, 'one.env'), '1');
  changes = 0;
});
afterEach(async () => {
  await watch?.close();
  rmSync(home, { recursive: true, force: true });
});

const start = async (...names: string[]) => {
  watch = await watchFiles({
    paths: names.map((name) => path.join(home, name)),
    clock: systemClock,
    onChange: () => {
      changes += 1;
    },
    onError: (error) => {
      throw error;
    },
    settleMs: 30,
    longestMs: 200,
    lookMs: 20,
  });
};
const write = (name: string, text: string): void => writeFileSync(path.join(home, 'm', name), text);

test.each([
  ['edited', (): void => write('a.yaml', '2')],
  ['added', (): void => write('b.yaml', '1')],
  ['deleted', (): void => rmSync(path.join(home, 'm', 'a.yaml'))],
  [
    'written beside and renamed',
    (): void => {
      write('.a.swp', '2');
      renameSync(path.join(home, 'm', '.a.swp'), path.join(home, 'm', 'a.yaml'));
    },
  ],
])('EF-45 a file that is %s is one change', async (_title, act) => {
  await start('m');
  act();
  await expect.poll(() => changes).toBe(1);
  await pause(80);
  expect(changes).toBe(1);
});

test('a burst is one change, a stream of edits is not held back for ever', async () => {
  await start('m');
  for (let n = 0; n < 5; n++) write('a.yaml', `burst ${n}`);
  await expect.poll(() => changes).toBe(1);
  const until = performance.now() + 5_000;
  while (changes < 2 && performance.now() < until) {
    write('a.yaml', String(performance.now()));
    await pause(10);
  }
  expect(changes).toBe(2);
});

test('what is neither manifest nor named does not count; a single file is watched through a replacement', async () => {
  await start('m', 'one.env');
  write('notes.txt', 'x');
  write('.hidden.yaml', 'x');
  mkdirSync(path.join(home, 'm', 'sub'));
  await pause(150);
  expect(changes).toBe(0);
  writeFileSync(path.join(home, 'next.env'), '2');
  renameSync(path.join(home, 'next.env'), path.join(home, 'one.env'));
  await expect.poll(() => changes).toBe(1);
  const before = changes;
  writeFileSync(path.join(home, 'one.env'), '3');
  await expect.poll(() => changes).toBeGreaterThan(before);
});

test('EF-45 a directory that is taken away and comes back, or is replaced by another, is still watched', async () => {
  await start('m', 'one.env');
  for (const aside of ['first', 'second']) {
    renameSync(path.join(home, 'm'), path.join(home, aside));
    await expect.poll(() => changes).toBeGreaterThan(0);
    if (aside === 'first') renameSync(path.join(home, aside), path.join(home, 'm'));
    else mkdirSync(path.join(home, 'm'));
    await pause(200);
    changes = 0;
    write('b.yaml', aside);
    await expect.poll(() => changes).toBe(1);
    await pause(100);
    expect(changes).toBe(1);
    changes = 0;
  }
});

test('after close nothing is told any more', async () => {
  await start('m');
  write('a.yaml', '2');
  await watch?.close();
  await pause(80);
  expect(changes).toBe(0);
});
