import { expect, test } from 'vitest';

import { explain } from './explain.ts';

const error = (keyword: string, instancePath: string, params: object = {}, message = `must fit ${keyword}`) => ({
  keyword,
  instancePath,
  schemaPath: '',
  params,
  message,
});

test('EF-23 the place as a pointer, and what was expected there', () => {
  expect(explain([error('type', '/a/0', {}, 'must be string')])).toEqual({
    pointer: '/a/0',
    message: '/a/0 must be string',
  });
  expect(explain([error('const', '', { allowedValue: 'x' })]).message).toBe('(root) must be "x"');
  expect(explain([error('enum', '', { allowedValues: 'odd' })]).message).toBe('(root) must be one of ');
  expect(explain([]).message).toBe('does not fit the schema');
  const { message: _message, ...without } = error('odd', '');
  expect(explain([without]).message).toBe('(root) must fit odd');
});

test('EF-23 of alternatives the one that got furthest is told', () => {
  const all = [
    error('type', ''),
    error('required', '/deep/er', { missingProperty: 'x' }),
    error('type', '/a'),
    error('oneOf', ''),
  ];
  expect(explain(all).message).toBe('(root) must fit oneOf; nearest: /deep/er must have the property "x"');
  expect(explain([error('anyOf', '/x')]).message).toBe('/x must fit anyOf');
});

test('EF-23 explanations are bounded, whatever names callers choose', () => {
  const long = 'n'.repeat(10_000);
  const { pointer, message } = explain([error('additionalProperties', `/${long}`, { additionalProperty: long })]);
  expect(pointer.length).toBeLessThanOrEqual(200);
  expect(message.length).toBeLessThanOrEqual(400);
  expect(explain([error('unevaluatedProperties', '', {})]).message).toBe('(root) must not have the property ');
});
