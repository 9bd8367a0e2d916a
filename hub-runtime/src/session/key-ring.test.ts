import { expect, test } from 'vitest';

import { createTestClock } from '../base/index.ts';
import { createKeyRing } from './key-ring.ts';

const [a, b, c] = [1, 2, 3].map((fill) => Buffer.alloc(32, fill)) as [Buffer, Buffer, Buffer];

test('EF-30 a new key opens at once and seals when all replicas have it', async () => {
  const clock = createTestClock();
  const ring = createKeyRing([a], clock, 1_000);
  ring.replace([b, a]);
  const opening = (): Buffer[] => ring.opening.map(({ key }) => key);
  expect([opening(), ring.sealing.key]).toEqual([[b, a], a]);
  await clock.advance(600);
  // The same again, as a mount that is read anew says it: the time goes on.
  ring.replace([b, a]);
  await clock.advance(400);
  expect(ring.sealing.key).toEqual(b);
  ring.replace([b]);
  expect([opening(), ring.sealing.key]).toEqual([[b], b]);
});

test('a key that was there before as the second one seals at once, and so does one without a predecessor', () => {
  const clock = createTestClock();
  const ring = createKeyRing([a, b], clock, 1_000);
  ring.replace([b, a]);
  expect(ring.sealing.key).toEqual(b);
  ring.replace([c]);
  expect(ring.sealing.key).toEqual(c);
});

test('a rotation that is taken back changes nothing', async () => {
  const clock = createTestClock();
  const ring = createKeyRing([a], clock, 1_000);
  ring.replace([b, a]);
  ring.replace([a]);
  await clock.advance(2_000);
  expect(ring.sealing.key).toEqual(a);
});

test('a set without keys, or with one that is none, is refused and changes nothing', () => {
  const ring = createKeyRing([a], createTestClock(), 0);
  expect(() => ring.replace([])).toThrow(RangeError);
  expect(() => ring.replace([b, Buffer.alloc(31)])).toThrow(RangeError);
  expect(ring.opening.map(({ key }) => key)).toEqual([a]);
});

test('keys derived for different purposes, or from different keys, have nothing in common', () => {
  const ring = createKeyRing([a, b], createTestClock(), 0);
  const derived = ring.opening.flatMap((key) => [key.derive('x'), key.derive('y')].map((one) => one.toString('hex')));
  expect(new Set(derived).size).toBe(4);
  expect(ring.sealing.derive('x').toString('hex')).toBe(derived[0]);
});
