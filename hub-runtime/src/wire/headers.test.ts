import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { decodeHeaderValue, encodeHeaderValue, nameMember, trimOws } from './headers.ts';
import { encodeText } from './raw.ts';

describe('mirrored header values', () => {
  test('HT-0.12 any text survives encoding and decoding, and only visible ASCII travels', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'grapheme' }), fc.string(), fc.constantFrom('', ' a', 'a\t', '=?base64?x?=')),
        (text) => {
          const header = encodeHeaderValue(encodeText(text));
          expect(header).toMatch(/^[\t\x20-\x7e]+$/);
          expect(header).toBe(header.trim());
          expect(decodeHeaderValue(header)).toBe(encodeText(text));
        },
      ),
    );
  });

  test('plain names stay readable', () => {
    expect(encodeHeaderValue('notes_read file')).toBe('notes_read file');
    expect(encodeHeaderValue(encodeText('é'))).toBe('=?base64?w6k=?=');
    // One mark is not two.
    expect(decodeHeaderValue('=?base64?=')).toBe('=?base64?=');
    expect(decodeHeaderValue('=?base64??=')).toBe('');
  });

  test.each([
    '=?base64?w6k?=',
    '=?base64?!!!!?=',
    '=?base64?/w==?=',
    'é',
    'a\u0001',
    '=?base64?w6k=w6k=?=',
    '=?base64?Ya==?=',
    '=?base64?YQ?=',
    '=?base64?Y-_=?=',
  ])('checklist 9: refuses %s', (header) => {
    expect(decodeHeaderValue(header)).toBeUndefined();
  });

  test('optional white space is not part of a value', () => {
    expect(decodeHeaderValue(' \ttools/call \t')).toBe('tools/call');
    expect(trimOws('')).toBe('');
    expect(trimOws(' \t ')).toBe('');
  });

  test('which methods have a name', () => {
    expect(
      ['tools/call', 'prompts/get', 'resources/read', 'tasks/get', 'tools/list', 'constructor'].map(nameMember),
    ).toEqual(['name', 'name', 'uri', 'taskId', undefined, undefined]);
  });
});
