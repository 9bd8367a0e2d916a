import fc from 'fast-check';
import { expect, test } from 'vitest';

import { globMatches } from './glob.ts';

test.each([
  ['*', '', true],
  ['read_*', 'read_file', true],
  ['read_*', 'reader', false],
  ['?ead', 'read', true],
  ['?ead', 'ead', false],
  ['*_file', 'read_file', true],
  ['*_file', 'read_files', false],
  ['a*b*c', 'a-b-b-c', true],
  ['a.b', 'axb', false],
])('%s over %s: %s', (pattern, text, wanted) => {
  expect(globMatches(pattern, text)).toBe(wanted);
});

test('agrees with the regular expression of the same meaning', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 8 });
  const texts = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 10 });
  fc.assert(
    fc.property(letters, texts, (pattern, text) => {
      const expression = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`);
      expect(globMatches(pattern, text)).toBe(expression.test(text));
    }),
  );
});

test('a pattern full of stars stays cheap', () => {
  expect(globMatches(`${'*a'.repeat(60)}b`, 'a'.repeat(2_000))).toBe(false);
});
