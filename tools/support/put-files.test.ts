import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { putFiles } from './put-files.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'qm-put-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const file = (path: string, text: string) => ({ path: join(folder, path), contents: new TextEncoder().encode(text) });

test('what is the same stays untouched, what differs is another file in its place, what is of an earlier build goes', () => {
  mkdirSync(join(folder, 'chunks'));
  for (const name of ['main.js', 'chunks/same.js', 'chunks/old.js', 'beside.js'])
    writeFileSync(join(folder, name), 'a');
  const inode = (name: string) => statSync(join(folder, name)).ino;
  const before = [inode('chunks/same.js'), inode('main.js')];
  putFiles(
    [file('main.js', 'b'), file('chunks/same.js', 'a'), file('chunks/new.js', 'c')],
    join(folder, 'chunks'),
    true,
  );
  expect(readdirSync(folder).toSorted()).toEqual(['beside.js', 'chunks', 'main.js']);
  expect(readdirSync(join(folder, 'chunks')).toSorted()).toEqual(['new.js', 'same.js']);
  expect(readFileSync(join(folder, 'main.js'), 'utf8')).toBe('b');
  expect(inode('chunks/same.js')).toBe(before[0]);
  // Whoever is reading the former one reads it to its end.
  expect(inode('main.js')).not.toBe(before[1]);
});

test('two builds into one folder keep each other’s parts', () => {
  for (const name of ['a', 'b']) putFiles([file(`chunks/${name}.js`, name)], join(folder, 'chunks'), false);
  expect(readdirSync(join(folder, 'chunks')).toSorted()).toEqual(['a.js', 'b.js']);
});

test('into a folder that does not exist yet; a file of another build under way is left alone', () => {
  putFiles([file('dist/chunks/a.js', 'a')], join(folder, 'dist/chunks'), true);
  writeFileSync(join(folder, 'dist/chunks/b.js.1.part'), 'half');
  putFiles([file('dist/chunks/a.js', 'a')], join(folder, 'dist/chunks'), true);
  putFiles([file('dist/qm.js', 'q')], join(folder, 'dist/none'), true);
  expect(readdirSync(join(folder, 'dist'), { recursive: true, encoding: 'utf8' }).toSorted()).toEqual([
    'chunks',
    'chunks/a.js',
    'chunks/b.js.1.part',
    'qm.js',
  ]);
});
