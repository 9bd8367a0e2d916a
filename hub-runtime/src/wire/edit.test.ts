import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { editObject, memberRaw, memberString, type MemberEdit } from './edit.ts';
import { errorRaw, idKey, notificationRaw, quoted, requestRaw, resultRaw } from './message.ts';
import { decodeText, encodeText, parseRaw, type RawJson, rawFromBytes, rawOf, rawToBytes } from './raw.ts';
import { scanObject } from './scan-values.ts';

const key = fc.stringMatching(/^[a-z._/]{1,6}$/);

describe('editObject', () => {
  test('HT-0.01 equals parse, edit, stringify by JSON value, for any object and edits', () => {
    fc.assert(
      fc.property(
        fc.dictionary(key, fc.jsonValue({ maxDepth: 2 }), { maxKeys: 8 }),
        fc.uniqueArray(fc.tuple(key, fc.jsonValue({ maxDepth: 1 })), { maxLength: 5, selector: ([name]) => name }),
        fc.array(key, { maxLength: 3 }),
        fc.constantFrom(undefined, 2),
        (object, set, drop, space) => {
          const dropped = drop.filter((name) => !set.some(([other]) => other === name));
          const scanned = scanObject(encodeText(JSON.stringify(object, undefined, space)) as RawJson);
          const edited = editObject(
            scanned,
            set.map(([name, value]): MemberEdit => [name, rawOf(value)]),
            dropped,
          );
          const expected: Record<string, unknown> = { ...object };
          for (const name of dropped) delete expected[name];
          for (const [name, value] of set) expected[name] = value;
          expect(parseRaw(edited)).toEqual(JSON.parse(JSON.stringify(expected)));
        },
      ),
      { numRuns: 500 },
    );
  });

  test('leaves the bytes of everything else alone', () => {
    const scanned = scanObject('{ "a" : 1.0 ,"b":"\\u00e9","c":[ ]}' as RawJson);
    expect(editObject(scanned, [['b', '2' as RawJson]])).toBe('{"a" : 1.0,"b":2,"c":[ ]}');
    expect(editObject(scanned, [], ['a', 'c'])).toBe('{"b":"\\u00e9"}');
    expect(editObject(scanned, [])).toBe('{ "a" : 1.0 ,"b":"\\u00e9","c":[ ]}');
    expect(editObject(undefined, [['x', '1' as RawJson]])).toBe('{"x":1}');
    expect(editObject(undefined, [])).toBe('{}');
  });

  test('members are read raw or as byte-form strings', () => {
    const scanned = scanObject(encodeText('{"a":"ä","b":"x\\n","c":7}') as RawJson);
    expect(memberString(scanned, 'a')).toBe(encodeText('ä'));
    expect(memberString(scanned, 'b')).toBe('x\n');
    expect(memberString(scanned, 'c')).toBeUndefined();
    expect(memberRaw(scanned, 'c')).toBe('7');
    expect(memberRaw(scanned, 'd')).toBeUndefined();
    expect(memberRaw(undefined, 'd')).toBeUndefined();
  });
});

describe('messages', () => {
  test('are what JSON.stringify would say', () => {
    expect(parseRaw(requestRaw('a"b', 'tools/call', '{}' as RawJson))).toEqual({
      jsonrpc: '2.0',
      id: 'a"b',
      method: 'tools/call',
      params: {},
    });
    expect(parseRaw(requestRaw(3, 'm', '{}' as RawJson))).toMatchObject({ id: 3 });
    expect(parseRaw(notificationRaw('n', '{"a":1}' as RawJson))).toEqual({
      jsonrpc: '2.0',
      method: 'n',
      params: { a: 1 },
    });
    expect(parseRaw(resultRaw('"x"' as RawJson, '{}' as RawJson))).toEqual({ jsonrpc: '2.0', id: 'x', result: {} });
    expect(parseRaw(errorRaw(undefined, -1, 'né "x"', '[1]' as RawJson))).toEqual({
      jsonrpc: '2.0',
      error: { code: -1, message: 'né "x"', data: [1] },
    });
    expect(parseRaw(quoted('日本'))).toBe('日本');
  });

  test('one id has one key however it is spelled, and different ids have different ones', () => {
    const keyOf = (id: string): string => idKey(id as RawJson);
    expect(keyOf('1.0')).toBe(keyOf('1'));
    expect(keyOf('1e2')).toBe(keyOf('100'));
    expect(keyOf('"\\u0061"')).toBe(keyOf('"a"'));
    expect(keyOf('1')).not.toBe(keyOf('"1"'));
    expect(keyOf('-0.0')).toBe(keyOf('0'));
    expect(keyOf('9007199254740993')).toBe(keyOf('9007199254740993'));
    // Different for their client, equal as doubles.
    for (const [one, other] of [
      ['9007199254740993', '9007199254740992'],
      ['1e400', '2e400'],
      ['1e400', 'null'],
      ['1.00000000000000000001', '1'],
      ['12345678901234567890', '12345678901234567891'],
    ] as const)
      expect(keyOf(one)).not.toBe(keyOf(other));
  });
});

describe('byte form', () => {
  test('loses nothing', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const wellFormed = Buffer.from(text, 'utf8').toString('utf8');
        expect(decodeText(encodeText(wellFormed))).toBe(wellFormed);
        expect(rawToBytes(rawFromBytes(Buffer.from(text, 'utf8'))).equals(Buffer.from(text, 'utf8'))).toBe(true);
      }),
    );
  });
});
