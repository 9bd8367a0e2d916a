import { describe, expect, test } from 'vitest';

import { paramHeaderFault, paramHeadersOf, paramHeaderValues, type ParamHeader } from './param-headers.ts';
import { type RawJson, rawOf } from './raw.ts';

const property = (type: string, header: unknown): unknown => ({ type, 'x-mcp-header': header });

function declared(properties: Readonly<Record<string, unknown>>): readonly ParamHeader[] {
  const found = paramHeadersOf(rawOf({ type: 'object', properties }));
  if ('fault' in found) throw new Error(found.fault);
  return found.headers;
}

const tool = declared({
  region: property('string', 'Region'),
  limit: property('integer', 'Limit'),
  where: { type: 'object', properties: { dry: property('boolean', 'Dry') } },
});

describe('declarations', () => {
  test('are found along chains of properties', () => {
    expect(tool).toEqual([
      { header: 'mcp-param-region', path: ['region'], type: 'string' },
      { header: 'mcp-param-limit', path: ['limit'], type: 'integer' },
      { header: 'mcp-param-dry', path: ['where', 'dry'], type: 'boolean' },
    ]);
    expect(paramHeadersOf(rawOf({ type: 'object' }))).toEqual({ headers: [] });
  });

  test.each([
    ['not a token', { properties: { a: property('string', 'Bad Name') } }],
    ['empty', { properties: { a: property('string', '') } }],
    ['not a string', { properties: { a: property('string', 7) } }],
    ['wrong type', { properties: { a: property('number', 'A') } }],
    ['at the root', property('object', 'A')],
    ['declared twice, in another case', { properties: { a: property('string', 'A'), b: property('string', 'a') } }],
    ['under items', { properties: { a: { type: 'array', items: property('string', 'A') } } }],
    ['under anyOf', { anyOf: [{ properties: { a: property('string', 'A') } }] }],
    ['under $defs', { $defs: { d: { properties: { a: property('string', 'A') } } } }],
  ])('checklist 11: %s makes the tool illegal', (_name, schema) => {
    expect(paramHeadersOf(rawOf(schema))).toHaveProperty('fault');
  });
});

test('checklist 11: 64 declarations are legal, one more is not', () => {
  const properties = (count: number): unknown =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [`p${n}`, property('string', `H${n}`)]));
  expect(paramHeadersOf(rawOf({ properties: properties(64) }))).toMatchObject({ headers: { length: 64 } });
  expect(paramHeadersOf(rawOf({ properties: properties(65) }))).toMatchObject({ fault: /more than 64/ });
  expect(paramHeadersOf(rawOf({ properties: properties(20_000) }))).toHaveProperty('fault');
});

describe('calls', () => {
  test('checklist 10: values are mirrored upstream, absent and null ones are not', () => {
    expect(paramHeaderValues(tool, rawOf({ region: 'é', limit: 5, where: { dry: true } }))).toEqual([
      ['mcp-param-region', '=?base64?w6k=?='],
      ['mcp-param-limit', '5'],
      ['mcp-param-dry', 'true'],
    ]);
    expect(paramHeaderValues(tool, rawOf({ region: null, limit: 2 ** 60, where: 7 }))).toEqual([]);
    expect(paramHeaderValues(tool, rawOf({ region: {}, limit: [] }))).toEqual([]);
    expect(paramHeaderValues(tool, undefined)).toEqual([]);
    expect(paramHeaderValues([], rawOf({ a: 1 }))).toEqual([]);
  });

  test('checklist 10: headers must agree with the arguments', () => {
    const args = rawOf({ region: 'é', limit: 5 });
    expect(
      paramHeaderFault(tool, args, { 'mcp-param-region': '=?base64?w6k=?=', 'mcp-param-limit': '5.0' }),
    ).toBeUndefined();
    expect(paramHeaderFault(tool, args, { 'mcp-param-limit': '5' })).toMatch('missing');
    expect(paramHeaderFault(tool, args, { 'mcp-param-region': '=?base64?x?=', 'mcp-param-limit': '5' })).toMatch(
      'valid',
    );
    expect(paramHeaderFault(tool, args, { 'mcp-param-region': 'e', 'mcp-param-limit': '5' })).toMatch('differs');
    expect(paramHeaderFault(tool, undefined, { 'mcp-param-region': 'ignored' })).toBeUndefined();
    expect(paramHeaderFault([], args, {})).toBeUndefined();
  });

  test('checklist 10: arguments that two parsers read in two ways agree with no header', () => {
    const read = (args: string, header: string) =>
      paramHeaderFault(tool, args as RawJson, { 'mcp-param-region': header, 'mcp-param-dry': 'true' });
    expect(read('{"region":"a","region":"b"}', 'b')).toMatch('twice');
    expect(read('{"region":"a","regio\\u006e":"b"}', 'b')).toMatch('twice');
    expect(read('{"region":"b","where":{"dry":false,"dry":true}}', 'b')).toMatch('twice');
    // Where nothing is mirrored, arguments are the server's business.
    expect(read('{"region":"b","other":{"x":1,"x":2}}', 'b')).toBeUndefined();
    expect(read('[]', 'b')).toBeUndefined();
  });
});
