import { expect, test } from 'vitest';

import { textOf, textOfResult } from './text-of.ts';

test('the first text of a result; what came instead is said, so that a failed comparison shows it', () => {
  const result = { content: [{ type: 'text', text: 'hi' }, { text: 'more' }] };
  expect([textOf({ result, raw: '{}' }), textOfResult(result)]).toEqual(['hi', 'hi']);
  expect(textOf({ raw: '{"error":{"code":-32603}}' })).toBe('no text: {"error":{"code":-32603}}');
  expect(textOfResult({ content: [] })).toBe('no text: {"content":[]}');
  expect(textOf({ result: { isError: true } })).toBe('no text: {"isError":true}');
});
