import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { encodeText, type RawJson, scanObject } from '../wire/index.ts';
import { canonicalDigest } from './canonical-digest.ts';
import { canonicalNumber, canonicalObject } from './canonical-text.ts';

const raw = (text: string): RawJson => encodeText(text) as RawJson;
/** Of `{"arguments": ...}`. */
const digest = (text: string): string => {
  const params = scanObject(raw(`{"name":"t","arguments":${text}}`));
  if (params === undefined) throw new Error('not JSON');
  return canonicalDigest('tools/call', params);
};
const canonical = (text: string): string => canonicalObject(raw(text), new Set());

/** Exactly what a decimal means: an integer and a power of ten, by another way than the one under test. */
function exactly(token: string): readonly [bigint, bigint] {
  const [, sign = '', whole = '', fraction = '', power = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([-+]?\d+))?$/.exec(token) ?? [];
  let digits = BigInt(whole + fraction);
  let exponent = BigInt(power.replace('+', '')) - BigInt(fraction.length);
  while (digits !== 0n && digits % 10n === 0n) [digits, exponent] = [digits / 10n, exponent + 1n];
  if (digits === 0n) exponent = 0n;
  return [sign === '-' ? -digits : digits, exponent];
}

const decimals = fc
  .tuple(
    fc.constantFrom('', '-'),
    fc.oneof(fc.constant('0'), fc.stringMatching(/^[1-9]\d{0,24}$/)),
    fc.oneof(fc.constant(''), fc.stringMatching(/^\.\d{1,12}$/)),
    fc.oneof(fc.constant(''), fc.stringMatching(/^[eE][-+]?\d{1,4}$/)),
  )
  .map((parts) => parts.join(''));

describe('two different questions are never one', () => {
  test.each([
    ['integers that no double holds', '9007199254740993', '9007199254740992'],
    ['fractions that no double holds', '0.1', '0.1000000000000000055511151231257827'],
    ['a number beyond all doubles', '1e400', 'null'],
    ['two numbers beyond all doubles', '1e400', '1e401'],
    ['a number that is nearly nothing', '1e-400', '0'],
    ['the two zeros, which some servers tell apart', '-0', '0'],
    ['a number and its text', '1', '"1"'],
    ['a key that stands twice', '{"a":1,"a":2}', '{"a":2}'],
    ['the same in another order', '{"a":1,"a":2}', '{"a":2,"a":1}'],
    ['an object and its entries', '{"a":1}', '[["a",1]]'],
    ['a name that is special in JavaScript', '{"__proto__":{"a":1}}', '{}'],
    ['half a character and its replacement', '"\\ud800"', '"\\ufffd"'],
    ['one half and another', '"\\ud800"', '"\\udfff"'],
    ['nothing and null', '{}', '{"a":null}'],
    ['where a list ends', '[[1],2]', '[[1,2]]'],
    ['what looks like a border in a text', '"a\\",\\"b"', '["a","b"]'],
  ])('%s', (_, one, other) => {
    expect(digest(one)).not.toBe(digest(other));
  });

  test('a method is not part of what it asks', () => {
    expect(canonicalDigest('a', scanObject(raw('{"b":1}')))).not.toBe(canonicalDigest('a {"b":1}', undefined));
  });
});

describe('one question is the same however it is written', () => {
  test.each([
    ['numbers', '[100, 0.5, 12e3]', '[1e2,5.0E-1,1.2e+4]'],
    ['zeros that say nothing', '[1.0, 0.00, -0.0, 10]', '[1,0e9,-0,1.0e01]'],
    ['spaces', '{ "a" :\t[ 1 ,\r\n2 ] , "b":{ } }', '{"a":[1,2],"b":{}}'],
    ['the order of keys, at every depth', '{"2":0,"10":{"b":1,"a":2}}', '{"10":{"a":2,"b":1},"2":0}'],
    ['escapes', '{"\\u0061":"\\u00fc\\/\\n"}', '{"a":"ü/\\u000A"}'],
    ['empty ones', '[[ ], { }, ""]', '[[],{},""]'],
  ])('%s', (_, one, other) => {
    expect(canonical(`{"v":${one}}`)).toBe(canonical(`{"v":${other}}`));
    expect(digest(one)).toBe(digest(other));
  });

  test('what belongs to the round does not count, at the top only', () => {
    const skip = new Set(['_meta']);
    expect(canonicalObject(raw('{"\\u005fmeta":1,"a":{"_meta":2}}'), skip)).toBe('{"a":{"_meta":2e0}}');
  });
});

describe('numbers', () => {
  test('have one text each: equal texts mean equal numbers, and equal numbers have equal texts', () => {
    fc.assert(
      fc.property(decimals, decimals, (one, other) => {
        const [text, second] = [canonicalNumber(one), canonicalNumber(other)];
        if (!/^-?0$/.test(text)) expect(exactly(text)).toEqual(exactly(one));
        expect(canonicalNumber(text)).toBe(text);
        if (exactly(one).join() === exactly(other).join() && !/^-?0$/.test(text)) expect(text).toBe(second);
        if (text === second) expect(exactly(one)).toEqual(exactly(other));
      }),
      { numRuns: 300 },
    );
  });

  test('an exponent beyond counting stands for itself', () => {
    const huge = `1e${'9'.repeat(40)}`;
    expect(canonicalNumber(huge)).toBe(huge);
    expect(canonicalNumber(`-1.5e-${'9'.repeat(400)}`)).toBe(`-1.5e-${'9'.repeat(400)}`);
    expect(canonicalNumber(`0e${'9'.repeat(40)}`)).toBe('0');
  });

  test('a long one costs no more than its length', () => {
    const zeros = '0'.repeat(2_000_000);
    const begin = performance.now();
    expect(canonicalNumber(`1${zeros}1`).length).toBe(zeros.length + 4);
    expect(canonicalNumber(`1${zeros}`)).toBe('1e2000000');
    expect(performance.now() - begin).toBeLessThan(2_000);
  });
});

test('what was never scanned is refused, not read for ever', () => {
  for (const text of ['{"a":}', '{"a":1', '[1'] as const) expect(() => canonical(text)).toThrow();
});
