import { existsSync, mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';

import { source, usePackageStore } from './package-store.fixture.ts';

const stage = usePackageStore();
const signal = new AbortController().signal;
const quiet = (): void => {};

describe('what interrupted installs leave', () => {
  async function entryPath(): Promise<string> {
    const { directory } = await stage.open().install(source, quiet, signal);
    rmSync(directory, { recursive: true });
    return directory;
  }

  test.each([
    ['of a process that is gone', { pid: 2 ** 22 + 999, host: hostname() }, 0],
    ['untouched for long', { pid: process.pid, host: 'another-machine' }, 60_000],
  ])('a lock %s is taken over', async (_, owner, ageMs) => {
    const entry = await entryPath();
    mkdirSync(`${entry}.lock`);
    writeFileSync(path.join(`${entry}.lock`, 'owner.json'), JSON.stringify(owner));
    const then = (Date.now() - ageMs) / 1_000;
    utimesSync(`${entry}.lock`, then, then);
    await expect(stage.open().install(source, quiet, signal)).resolves.toMatchObject({ installed: true });
    expect(existsSync(`${entry}.lock`)).toBe(false);
  });

  test('a lock of a living process is waited for, until called off', async () => {
    const entry = await entryPath();
    mkdirSync(`${entry}.lock`);
    writeFileSync(path.join(`${entry}.lock`, 'owner.json'), JSON.stringify({ pid: process.pid, host: hostname() }));
    await expect(stage.open().install(source, quiet, AbortSignal.timeout(60))).rejects.toMatchObject({
      reason: 'InstallFailed',
    });
  });

  test('a half entry is made anew', async () => {
    const entry = await entryPath();
    mkdirSync(`${entry}.part`);
    mkdirSync(entry);
    writeFileSync(path.join(entry, 'quaymaster.json'), '{"format":');
    await expect(stage.open().install(source, quiet, signal)).resolves.toMatchObject({ installed: true });
  });

  test('an entry whose files were deleted is made anew', async () => {
    const store = stage.open();
    const { args } = await store.install(source, quiet, signal);
    rmSync(args[0]!);
    await expect(store.install(source, quiet, signal)).resolves.toMatchObject({ installed: true });
    expect(existsSync(args[0]!)).toBe(true);
  });
});

describe('the cache', () => {
  test('is listed with sizes', async () => {
    const store = stage.open();
    expect(store.list()).toEqual([]);
    const { directory } = await store.install(source, quiet, signal);
    expect(store.list()).toMatchObject([
      { kind: 'npm', package: '@acme/server-x', version: '1.2.3', directory, inUse: true },
    ]);
    expect(store.list()[0]!.bytes).toBeGreaterThan(100);
  });

  test('what a living hub uses stays, the rest and all leftovers go', async () => {
    const store = stage.open();
    const used = await store.install(source, quiet, signal);
    const idle = await store.install({ ...source, version: '1.0.0' }, quiet, signal);
    rmSync(`${idle.directory}.used`, { recursive: true });
    mkdirSync(`${idle.directory}.used`);
    writeFileSync(path.join(`${idle.directory}.used`, String(2 ** 22 + 999)), '');
    for (const leftover of [
      path.join(stage.cache, 'npm', 'abc.part'),
      path.join(stage.cache, 'npm', 'half'),
      path.join(stage.cache, 'npm', 'abc.lock'),
    ])
      mkdirSync(leftover);
    writeFileSync(
      path.join(stage.cache, 'npm', 'abc.lock', 'owner.json'),
      JSON.stringify({ pid: 2 ** 22 + 999, host: hostname() }),
    );
    const report = store.clean();
    expect(report).toMatchObject({ kept: 1, leftovers: 4, removed: [{ version: '1.0.0' }] });
    expect(stage.entries().toSorted()).toEqual([
      path.basename(used.directory),
      `${path.basename(used.directory)}.used`,
    ]);
  });

  test('recently used entries stay when asked so', async () => {
    const store = stage.open();
    const { directory } = await store.install(source, quiet, signal);
    rmSync(`${directory}.used`, { recursive: true });
    expect(store.clean(60_000)).toMatchObject({ kept: 1, removed: [] });
    expect(store.clean(0)).toMatchObject({ kept: 0 });
    expect(stage.entries()).toEqual([]);
  });
});
