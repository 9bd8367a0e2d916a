import { expect, test } from 'vitest';

import { choice } from './fields.ts';

test.each(['off', 'Yes', 'n'])('%s is no word to choose: kubectl would send a boolean', (word) => {
  expect(() => choice('Whether.', ['warn', word])).toThrow(`kubectl would read ${word} as a boolean`);
});

test('other words are', () => {
  expect(choice('Whether.', ['none', 'warn']).parse('none')).toBe('none');
});
