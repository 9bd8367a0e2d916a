import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { installTools } from './install-tools.ts';

let folder: string;
let source: string;
let target: string;
const at = (...parts: string[]): string => path.join(folder, ...parts);

function write(file: string, text: string, mode = 0o644): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
  chmodSync(file, mode);
}

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'qm-tools-'));
  source = at('image');
  target = at('volume');
  mkdirSync(target);
  write(at('image/lib/ld.so'), 'loader', 0o755);
  write(at('image/lib/libc.so.6'), 'libc');
  write(at('image/bin/node'), 'node', 0o755);
  write(at('image/chunks/a.js'), 'a');
  write(at('image/qm.js'), 'qm');
  write(at('image/base.js'), 'base');
  write(at('image/package.json'), '{}');
  write(at('image/LICENSE'), 'text');
  write(at('image/other/secret'), 'not for the volume');
});

afterEach(() => {
  unlock(folder);
  rmSync(folder, { recursive: true, force: true });
});

function unlock(place: string): void {
  chmodSync(place, 0o755);
  for (const entry of readdirSync(place, { withFileTypes: true }))
    if (entry.isDirectory()) unlock(path.join(place, entry.name));
}

const modeOf = (...parts: string[]): string => (statSync(at(...parts)).mode & 0o777).toString(8);

test('exactly the program is copied: readable and runnable by everybody, writable by nobody', async () => {
  expect(await installTools({ source, target })).toEqual({ files: 7 });
  expect(readdirSync(target).toSorted()).toEqual(['base.js', 'bin', 'chunks', 'lib', 'package.json', 'qm.js']);
  expect(readFileSync(at('volume/lib/ld.so'), 'utf8')).toBe('loader');
  expect([modeOf('volume/bin/node'), modeOf('volume/qm.js'), modeOf('volume/lib')]).toEqual(['555', '444', '555']);
});

test('a second run replaces what is there, half-done or not', async () => {
  await installTools({ source, target });
  write(at('volume/.install/lib/half'), 'of an interrupted run');
  write(at('image/qm.js'), 'qm 2');
  rmSync(at('image/chunks'), { recursive: true });
  rmSync(at('image/base.js'));
  await installTools({ source, target });
  expect(readFileSync(at('volume/qm.js'), 'utf8')).toBe('qm 2');
  expect(readdirSync(target).toSorted()).toEqual(['bin', 'lib', 'package.json', 'qm.js']);
});

test('links inside the program become the files they mean; none leads out', async () => {
  symlinkSync('libc.so.6', at('image/lib/libm.so.6'));
  await installTools({ source, target });
  expect(statSync(at('volume/lib/libm.so.6')).isFile()).toBe(true);
  expect(readdirSync(at('volume/lib'), { withFileTypes: true }).some((one) => one.isSymbolicLink())).toBe(false);
  symlinkSync('/etc/passwd', at('image/lib/passwd'));
  await expect(installTools({ source, target })).rejects.toThrow('leads out');
});

test('a link in the volume is replaced, never followed', async () => {
  write(at('elsewhere/kept'), 'kept');
  symlinkSync(at('elsewhere'), at('volume/lib'));
  await installTools({ source, target });
  expect(readFileSync(at('elsewhere/kept'), 'utf8')).toBe('kept');
  expect(readdirSync(at('elsewhere'))).toEqual(['kept']);
});

test.each([
  ['a source without a loader', () => rmSync(at('image/lib'), { recursive: true }), 'it has no lib'],
  ['no source', () => rmSync(at('image'), { recursive: true }), 'the program of this image is not there'],
  ['no volume', () => rmSync(at('volume'), { recursive: true }), 'the volume to fill is not there'],
  ['the source itself', () => (target = source), 'itself'],
  ['inside the source', () => (target = at('image/lib')), 'inside'],
])('%s is refused', async (_what, change, message) => {
  change();
  await expect(installTools({ source, target })).rejects.toThrow(message);
});
