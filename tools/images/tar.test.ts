import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { readTar } from './read-tar.ts';
import { tarOf } from './tar.ts';
import { lookUp, stack, TreeBuilder } from './tree.ts';

const bytesOf = (tree: TreeBuilder): Buffer => Buffer.concat([...tarOf(tree)]);
const long = `${'folder/'.repeat(20)}${'f'.repeat(90)}`;

function sample(): TreeBuilder {
  return new TreeBuilder()
    .directory('tmp', 0o1777)
    .text('etc/passwd', 'root\n')
    .text('bin/run', '#!', 0o755)
    .link('sh', 'bin/run');
}

test('EF-53 what was put in comes out, owned by root and without a time', () => {
  const members = [...readTar(bytesOf(sample()))];
  expect(members.map(({ name, mode }) => `${name} ${mode.toString(8)}`)).toEqual([
    'bin/ 755',
    'bin/run 755',
    'etc/ 755',
    'etc/passwd 644',
    'sh 777',
    'tmp/ 1777',
  ]);
  expect(members.find(({ name }) => name === 'sh')).toMatchObject({ kind: 'link', target: 'bin/run' });
  for (const { owner, time } of members) expect([...owner, time]).toEqual([0, 0, 0]);
});

test('EF-53 the order in which files are put in changes nothing', () => {
  const other = new TreeBuilder()
    .link('sh', 'bin/run')
    .text('bin/run', '#!', 0o755)
    .text('etc/passwd', 'root\n')
    .directory('tmp', 0o1777);
  expect(bytesOf(other).equals(bytesOf(sample()))).toBe(true);
});

test('tar itself reads it, long names included', () => {
  const folder = mkdtempSync(join(tmpdir(), 'qm-tar-'));
  try {
    writeFileSync(join(folder, 'a.tar'), bytesOf(sample().text(long, 'deep')));
    const listed = execFileSync('tar', ['-tf', join(folder, 'a.tar')], { encoding: 'utf8' });
    expect(listed.split('\n')).toEqual(expect.arrayContaining([long, 'etc/passwd', 'tmp/']));
    expect(execFileSync('tar', ['-xOf', join(folder, 'a.tar'), long], { encoding: 'utf8' })).toBe('deep');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('names that the format cannot hold are refused', () => {
  expect(() => bytesOf(new TreeBuilder().text('f'.repeat(101), ''))).toThrow('too long');
  expect(() => bytesOf(new TreeBuilder().text(`${'folder/'.repeat(40)}f`, ''))).toThrow('too long');
  expect(() => bytesOf(new TreeBuilder().link('a', 'b'.repeat(101)))).toThrow('too long');
});

test('two files at one place, or below a file, are a mistake of the recipe', () => {
  expect(() => sample().text('sh', '')).toThrow('/sh is put twice');
  expect(() => sample().text('etc/passwd/x', '')).toThrow('/etc/passwd is no directory');
  expect(() => sample().directory('etc').directory('etc')).not.toThrow();
});

test('paths are looked up through links, in the middle and at the end, across trees', () => {
  const base = new TreeBuilder().text('q/lib/libc.so', 'c').link('lib/here', '/q/lib').link('loop', 'loop');
  const all = stack([base, new TreeBuilder().link('usr/up', '../lib/here/libc.so')]);
  expect(lookUp(all, '/lib/here/libc.so')?.path).toBe('q/lib/libc.so');
  expect(lookUp(all, 'usr/up')?.path).toBe('q/lib/libc.so');
  expect(lookUp(all, 'lib/there')).toBeUndefined();
  expect(lookUp(all, 'loop')).toBeUndefined();
});
