/**
 * Writes tar archives byte for byte the same every time: entries by name, all times zero, owner root, ustar headers.
 *
 * Only what images need: files, directories, symbolic links; names up to the 255 characters of ustar's two fields.
 */
import { posix } from 'node:path';

import type { Entry, Tree } from './tree.ts';

const block = 512;

export function* tarOf(tree: Tree): Generator<Buffer> {
  const names = [...tree.entries.keys()].toSorted();
  for (const name of names) {
    const entry = tree.entries.get(name);
    if (entry !== undefined) yield* member(name, entry);
  }
  yield end();
}

function* member(name: string, entry: Entry): Generator<Buffer> {
  if (entry.kind === 'directory') yield header({ name: `${name}/`, type: '5', mode: entry.mode, size: 0 });
  else if (entry.kind === 'link') yield header({ name, type: '2', mode: 0o777, size: 0, target: entry.target });
  else yield* fileMember(name, entry.mode, entry.content());
}

/** One file of an archive, padded. */
export function* fileMember(name: string, mode: number, content: Buffer): Generator<Buffer> {
  yield header({ name, type: '0', mode, size: content.length });
  yield content;
  yield padding(content.length);
}

export function fileHeader(name: string, size: number): Buffer {
  return header({ name, type: '0', mode: 0o644, size });
}

export function padding(size: number): Buffer {
  return Buffer.alloc((block - (size % block)) % block);
}

export function end(): Buffer {
  return Buffer.alloc(2 * block);
}

interface Header {
  readonly name: string;
  readonly type: '0' | '2' | '5';
  readonly mode: number;
  readonly size: number;
  readonly target?: string;
}

function header({ name, type, mode, size, target = '' }: Header): Buffer {
  const bytes = Buffer.alloc(block);
  const [prefix, base] = split(name);
  if (Buffer.byteLength(target) > 100) throw new Error(`the target of ${name} is too long for a tar archive`);
  bytes.write(base, 0);
  octal(bytes, 100, 8, mode);
  octal(bytes, 108, 8, 0);
  octal(bytes, 116, 8, 0);
  octal(bytes, 124, 12, size);
  octal(bytes, 136, 12, 0);
  bytes.write('        ', 148);
  bytes.write(type, 156);
  bytes.write(target, 157);
  bytes.write('ustar\u000000', 257);
  octal(bytes, 329, 8, 0);
  octal(bytes, 337, 8, 0);
  bytes.write(prefix, 345);
  let sum = 0;
  for (const byte of bytes) sum += byte;
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return bytes;
}

function octal(bytes: Buffer, at: number, width: number, value: number): void {
  bytes.write(value.toString(8).padStart(width - 1, '0'), at);
}

/** The name, cut at a slash so that both fields are long enough. */
function split(name: string): readonly [string, string] {
  if (Buffer.byteLength(name) <= 100) return ['', name];
  const parts = name.split('/');
  for (let cut = parts.length - 1; cut > 0; cut -= 1) {
    const [prefix, base] = [parts.slice(0, cut).join('/'), parts.slice(cut).join('/')];
    if (base !== '' && Buffer.byteLength(base) <= 100 && Buffer.byteLength(prefix) <= 155) return [prefix, base];
    if (Buffer.byteLength(posix.basename(name)) > 100) break;
  }
  throw new Error(`${name} is too long for a tar archive`);
}
