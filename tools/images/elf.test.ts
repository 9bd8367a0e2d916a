import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { readElf } from './elf.ts';

/** As little of a 64-bit program as the reader looks at: headers, a loader's name, one needed library. */
function program(machine: number): Buffer {
  const bytes = Buffer.alloc(600);
  bytes.writeUInt32BE(0x7f454c46, 0);
  bytes[4] = 2;
  bytes[5] = 1;
  bytes.writeUInt16LE(machine, 18);
  bytes.writeBigUInt64LE(64n, 32);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(3, 56);
  const segment = (index: number, type: number, offset: number, address: number, size: number): void => {
    const at = 64 + index * 56;
    bytes.writeUInt32LE(type, at);
    bytes.writeBigUInt64LE(BigInt(offset), at + 8);
    bytes.writeBigUInt64LE(BigInt(address), at + 16);
    bytes.writeBigUInt64LE(BigInt(size), at + 32);
  };
  segment(0, 1, 0, 0x1000, 600);
  segment(1, 2, 300, 0x1000 + 300, 48);
  segment(2, 3, 400, 0x1000 + 400, 10);
  const tags = [
    [5n, 0x1000n + 500n],
    [1n, 1n],
    [0n, 0n],
  ] as const;
  for (const [index, [tag, value]] of tags.entries()) {
    bytes.writeBigUInt64LE(tag, 300 + index * 16);
    bytes.writeBigUInt64LE(value, 308 + index * 16);
  }
  bytes.write('/lib/ld.so', 400);
  bytes.write('\0libc.so.6', 500);
  return bytes;
}

test.each([
  [62, 'amd64'],
  [183, 'arm64'],
  [243, 'other'],
] as const)('EF-53 machine %i is %s; its loader and what it needs are read', (machine, name) => {
  expect(readElf(program(machine))).toEqual({ machine: name, interpreter: '/lib/ld.so', needed: ['libc.so.6'] });
});

test('a text is no program, 32 bits are none of ours', () => {
  expect(readElf(Buffer.from('#!/bin/sh\n'.repeat(20)))).toBeUndefined();
  expect(readElf(Buffer.from('short'))).toBeUndefined();
  const small = program(62);
  small[4] = 1;
  expect(readElf(small)?.machine).toBe('other');
});

test.runIf(process.platform === 'linux' && process.arch === 'x64')('of the Node that runs this', () => {
  const elf = readElf(readFileSync(process.execPath));
  expect(elf).toMatchObject({ machine: 'amd64', interpreter: '/lib64/ld-linux-x86-64.so.2' });
  expect(elf?.needed).toContain('libc.so.6');
});
