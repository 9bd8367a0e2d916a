import { randomBytes } from 'node:crypto';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { createTestClock } from '../base/index.ts';
import { createSealer } from './sealer.ts';

const clock = createTestClock();
const [a, b] = [randomBytes(32), randomBytes(32)];
const sealer = createSealer([a], clock, randomBytes);

describe('sealer', () => {
  test('EF-29 any payload comes back, in visible ASCII, never twice the same', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (payload) => {
        const token = sealer.seal('p', payload);
        expect(token).toMatch(/^[A-Za-z0-9_-]+$/);
        expect(sealer.open('p', token)).toEqual(JSON.parse(JSON.stringify(payload)));
        expect(sealer.seal('p', payload)).not.toBe(token);
      }),
      { numRuns: 100 },
    );
  });

  test('keys are replaced while it runs: the first seals, the others still open, a bad set changes nothing', () => {
    const turning = createSealer([a], clock, randomBytes);
    const before = turning.seal('p', 1);
    turning.replaceKeys([b, a]);
    const after = turning.seal('p', 2);
    expect([turning.open('p', before), turning.open('p', after)]).toEqual([1, 2]);
    expect(sealer.open('p', after)).toBeUndefined();
    expect(() => turning.replaceKeys([])).toThrow(RangeError);
    expect(() => turning.replaceKeys([b, randomBytes(31)])).toThrow(RangeError);
    turning.replaceKeys([b]);
    expect([turning.open('p', before), turning.open('p', after)]).toEqual([undefined, 2]);
  });

  test('another purpose, another key, another character: nothing opens', () => {
    const token = sealer.seal('session', { user: 1 });
    expect(sealer.open('cursor', token)).toBeUndefined();
    expect(createSealer([b], clock, randomBytes).open('session', token)).toBeUndefined();
    for (let at = 0; at < token.length; at++) {
      const other = token.charAt(at) === 'A' ? 'B' : 'A';
      expect(sealer.open('session', token.slice(0, at) + other + token.slice(at + 1))).toBeUndefined();
    }
    for (const bad of [
      '',
      'A',
      token.slice(0, -1),
      `${token}A`,
      `${token}=`,
      ` ${token}`,
      'A'.repeat(60),
      'A'.repeat(9000),
    ])
      expect(sealer.open('session', bad)).toBeUndefined();
  });

  test('a rotation: the new key seals, both open until the old one is dropped', () => {
    const old = sealer.seal('p', 1);
    const rotated = createSealer([b, a], clock, randomBytes);
    expect(rotated.open('p', old)).toBe(1);
    const fresh = rotated.seal('p', 2);
    expect(sealer.open('p', fresh)).toBeUndefined();
    expect(createSealer([b], clock, randomBytes).open('p', fresh)).toBe(2);
  });

  test('a token with a time opens until then', async () => {
    const token = sealer.seal('p', 'x', 1000);
    await clock.advance(999);
    expect(sealer.open('p', token)).toBe('x');
    await clock.advance(1);
    expect(sealer.open('p', token)).toBeUndefined();
  });

  test('keys of another size are refused at once', () => {
    expect(() => createSealer([], clock, randomBytes)).toThrow(RangeError);
    expect(() => createSealer([a, Buffer.alloc(16)], clock, randomBytes)).toThrow(RangeError);
  });
});
