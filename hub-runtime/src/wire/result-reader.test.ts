import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { parseRaw } from './raw.ts';
import { type PassingEdits, ResultReader } from './result-reader.ts';
import { scanMessage } from './scan.ts';
import type { RawJson } from './raw.ts';

function read(text: string, edits: PassingEdits = {}, cuts: readonly number[] = []) {
  let passed = '';
  const reader = new ResultReader((piece) => (passed += piece), edits);
  let from = 0;
  for (const cut of [...cuts, text.length]) {
    if (!reader.push(text.slice(from, cut))) return { fault: reader.fault, passed };
    from = cut;
  }
  const result = reader.finish();
  return result === undefined ? { fault: reader.fault, passed } : { ...result, passed: passed, any: result.passed };
}

const message = (result: string): string => `{"jsonrpc":"2.0","id":7,"result":${result}}`;

describe('what passes and what is held', () => {
  test('HT-5.12 members pass as they came, in their order, without blanks; what the hub decides on is held', () => {
    const text =
      '{ "result" : {"_meta":{"a": [1, "x y"]},\n "contents" : [ {"uri":"a:b","blob":"QUJD\\n"} , null ],"resultType":"complete","n":-1.5e+3 } ,"jsonrpc":"2.0","id":"x"}';
    expect(read(text)).toEqual({
      id: '"x"',
      held: '{"_meta":{"a":[1,"x y"]},"resultType":"complete"}',
      passed: '"contents":[{"uri":"a:b","blob":"QUJD\\n"},null],"n":-1.5e+3',
      any: true,
    });
  });

  test('an empty result, and one that holds nothing to pass', () => {
    expect(read(message('{}'))).toMatchObject({ passed: '', held: '{}', any: false });
    expect(read(message('{"isError":true}'))).toMatchObject({ passed: '', held: '{"isError":true}', any: false });
  });

  test('structured content is wrapped for clients that know only objects', () => {
    expect(read(message('{"structuredContent":[1],"a":2}'), { wrap: 'nonObject' }).passed).toBe(
      '"structuredContent":{"result":[1]},"a":2',
    );
    expect(read(message('{"structuredContent":{"b":1}}'), { wrap: 'nonObject' }).passed).toBe(
      '"structuredContent":{"b":1}',
    );
    expect(read(message('{"structuredContent":{"b":1}}'), { wrap: 'always' }).passed).toBe(
      '"structuredContent":{"result":{"b":1}}',
    );
  });

  const expose = (uri: string): string => `here:${uri}`;
  test.each([
    ['contents', '[{"uri":"a","x":{"uri":"b"}}]', '[{"uri":"here:a","x":{"uri":"b"}}]'],
    ['content', '[{"uri":"a"},{"resource":{"uri":"b\\/c"}}]', '[{"uri":"here:a"},{"resource":{"uri":"here:b/c"}}]'],
    [
      'messages',
      '[{"uri":"a","content":{"uri":"b","resource":{"uri":"c"}}}]',
      '[{"uri":"a","content":{"uri":"here:b","resource":{"uri":"here:c"}}}]',
    ],
    ['other', '[{"uri":"a"}]', '[{"uri":"a"}]'],
    ['contents', '{"a":{"b":{"uri":"a"}}}', '{"a":{"b":{"uri":"a"}}}'],
  ])('URIs of items in %s are those under which the client can read them', (key, value, expected) => {
    expect(read(message(`{"${key}":${value}}`), { expose }).passed).toBe(`"${key}":${expected}`);
  });
});

describe('what is no result to pass on', () => {
  test.each([
    ['{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":""}}', 'no result'],
    ['{"jsonrpc":"2.0","method":"x"}', 'no result'],
    ['{"jsonrpc":"2.0","id":1}', 'no result'],
    ['{"id":1,"result":{}}', '"jsonrpc" must be "2.0"'],
    ['{"jsonrpc":"1.0","id":1,"result":{}}', '"jsonrpc" must be "2.0"'],
    [message('[]'), '"result" must be an object'],
    [message('{"requestState":"x"}'), 'it asks instead of answering'],
    [message('{"a":1,"a":2}'), '"a" appears twice in one object'],
    [message('{"a":1,"\\u0061":2}'), '"a" appears twice in one object'],
    ['{"jsonrpc":"2.0","id":1,"id":2,"result":{}}', '"\u0000id" appears twice in one object'],
    [`[${message('{}')}]`, 'a JSON-RPC message is an object'],
    [`${message('{}')}x`, 'text after the end of the message'],
    [message('{}').slice(0, -1), 'the text ends too early'],
    [message('{"a":tru}'), 'expected a value'],
    [message('{"a":01}'), 'expected a value'],
    [message('{"a" 1}'), 'expected ":"'],
    [message('{a:1}'), 'expected a string'],
    [message('{"a":"\n"}'), 'control character in a string'],
    [message('{"a":"\\x"}'), 'bad escape in a string'],
    [message('{"a":"\\u12g4"}'), 'bad escape in a string'],
    [message('{"a":[1}'), 'expected "," or the end of a container'],
    [message('{"a":}'), 'expected a value'],
    [message(`{"_meta":{"a":"${'x'.repeat(65_536)}"}}`), '"_meta" is larger than 65536 bytes'],
    [message(`{"a":${'['.repeat(127)}${']'.repeat(127)}}`), 'nested deeper than 128 levels'],
    [message(`{"a":${'1'.repeat(16_385)}}`), 'a number is longer than 16384 bytes'],
    [message(`{"${'k'.repeat(16_385)}":1}`), 'a key or URI is longer than 16384 bytes'],
    [
      message(`{${Array.from({ length: 257 }, (_, n) => `"k${n}":1`).join(',')}}`),
      'more than 256 members in one object of the message',
    ],
  ])('%# %s', (text, fault) => {
    expect(read(text).fault?.replace('\u0000', '')).toBe(fault.replace('\u0000', ''));
  });

  test('at the bounds it still passes', () => {
    expect(read(message(`{"a":${'['.repeat(126)}${']'.repeat(126)}}`)).fault).toBeUndefined();
    expect(read(message(`{"a":${'1'.repeat(16_384)}}`)).fault).toBeUndefined();
  });
});

describe('however it is cut', () => {
  const results = fc.dictionary(fc.string(), fc.jsonValue()).map((value) => JSON.stringify(value));

  test('HT-5.12 held and passed members together are the result, byte for byte what JSON says, wherever chunks end', () => {
    fc.assert(
      fc.property(results, fc.boolean(), fc.array(fc.nat(2_000)), (result, pretty, points) => {
        const whole = { jsonrpc: '2.0', result: JSON.parse(result) as object, id: 3 };
        const text = Buffer.from(JSON.stringify(whole, undefined, pretty ? 2 : 0)).toString('latin1');
        const cuts = points.map((point) => point % (text.length + 1)).toSorted((a, b) => a - b);
        const got = read(text, {}, cuts);
        if (got.fault !== undefined) {
          expect(got.fault).toMatch(/^it asks|appears twice/);
          return;
        }
        const held = (got as { held: string }).held.slice(1, -1);
        const both = `{${[held, got.passed].filter((part) => part !== '').join(',')}}`;
        expect(parseRaw(both)).toEqual(whole.result);
        expect(got.passed).not.toMatch(/[\r\n]/);
        expect(got).toEqual({ ...read(text), passed: got.passed });
        expect(read(text).passed).toBe(got.passed);
      }),
    );
  });

  test('an escape may be cut anywhere: it passes as it came, is no part of a key that is meant otherwise, and a bad one is found', () => {
    const text = message('{"a":"x\\u00e9\\n\\"y","b":[{"\\u0063":"\\\\"}]}');
    const whole = read(text);
    expect(whole.passed).toBe('"a":"x\\u00e9\\n\\"y","b":[{"\\u0063":"\\\\"}]');
    for (let at = 1; at < text.length; at++) expect(read(text, {}, [at])).toEqual(whole);
    expect(
      read(
        text,
        {},
        Array.from({ length: text.length }, (_, at) => at),
      ),
    ).toEqual(whole);
    for (const bad of ['\\x', '\\u12g4']) {
      const broken = message(`{"a":"${bad}"}`);
      const from = broken.indexOf(bad);
      for (let at = from + 1; at < from + bad.length; at++)
        expect(read(broken, {}, [at]).fault).toBe('bad escape in a string');
    }
  });

  test('it takes exactly what the scanner of whole messages takes', () => {
    const pieces = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ':',
      ',',
      '"a"',
      '"',
      '\\',
      '1',
      '-',
      '.5',
      'true',
      'nul',
      ' ',
      '\n',
      'e',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), fc.nat(40), (parts, cut) => {
        const text = message(`{"x":${parts.join('')}}`);
        const scanned = scanMessage(text as RawJson);
        const got = read(text, {}, [Math.min(cut, text.length)]);
        expect(got.fault === undefined).toBe(scanned.kind === 'response');
      }),
      { numRuns: 3_000 },
    );
  });
});
