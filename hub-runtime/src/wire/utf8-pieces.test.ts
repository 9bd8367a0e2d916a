import { isUtf8 } from 'node:buffer';

import fc from 'fast-check';
import { expect, test } from 'vitest';

import { Utf8Pieces } from './utf8-pieces.ts';

function isFine(pieces: readonly string[]): boolean {
  const reader = new Utf8Pieces();
  return pieces.every((piece) => reader.push(piece)) && reader.isWhole;
}

const bytes = fc.oneof(
  fc.string({ unit: 'binary' }).map((text) => Buffer.from(text, 'utf8')),
  fc
    .array(fc.constantFrom(0x41, 0x80, 0xa0, 0xbf, 0xc0, 0xc3, 0xe2, 0xed, 0xf0, 0xf4, 0xff), { maxLength: 8 })
    .map((list) => Buffer.from(list)),
);

test('EF-21 text in pieces is UTF-8 exactly when the whole of it is', () => {
  fc.assert(
    fc.property(bytes, fc.array(fc.nat(40), { maxLength: 6 }), (whole, cuts) => {
      const text = whole.toString('latin1');
      const at = [0, ...cuts.map((cut) => cut % (text.length + 1)).toSorted((one, other) => one - other), text.length];
      const pieces = at.slice(1).map((to, n) => text.slice(at[n], to));
      expect(isFine(pieces)).toBe(isUtf8(whole));
      expect(isFine(text.split(''))).toBe(isUtf8(whole));
    }),
    { numRuns: 500 },
  );
});

test('never more than a cut character is kept', () => {
  expect(isFine(['\xf0\x9f\x98', '\x80'])).toBe(true);
  expect(isFine(['\xf0\x9f\x98'])).toBe(false);
  expect(isFine(['\x80'.repeat(100)])).toBe(false);
  expect(isFine(['\xc3', '\xc3'])).toBe(false);
});
