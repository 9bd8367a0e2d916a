import { describe, expect, test } from 'vitest';

import { modernEnvelope, type RawJson } from '../../wire/index.ts';
import { callLine, ownLine } from './call-line.ts';
import { testCall } from './test-calls.ts';

const envelope = modernEnvelope('{"name":"hub"}' as RawJson, '{}' as RawJson);
const envelopeKeys = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
  'io.modelcontextprotocol/clientInfo': { name: 'hub' },
};

describe('a call to a legacy server', () => {
  test('HT-0.01 keeps its bytes but for id and edits', () => {
    const call = testCall({
      params: { name: 'files_read', arguments: { b: 1.0, a: 'ü' }, vendor: [1] },
      edits: [['name', '"read"' as RawJson]],
    });
    expect(callLine(7, call, '')).toBe(
      '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"read","arguments":{"b":1,"a":"\u00c3\u00bc"},"vendor":[1]}}',
    );
  });

  test('the progress token is the id, and the envelope of a modern client stays behind', () => {
    const _meta = {
      progressToken: 'theirs',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      'vendor/x': 1,
      ...envelopeKeys,
    };
    const line = callLine(9, testCall({ params: { name: 'a', _meta }, progressToken: '"theirs"' }), '');
    expect(JSON.parse(line)).toEqual({
      jsonrpc: '2.0',
      id: 9,
      method: 'tools/call',
      params: {
        name: 'a',
        _meta: {
          progressToken: 9,
          traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
          'vendor/x': 1,
        },
      },
    });
  });

  test('a _meta of which nothing is left goes', () => {
    const line = callLine(9, testCall({ params: { name: 'a', _meta: envelopeKeys } }), '');
    expect(JSON.parse(line)).toEqual({ jsonrpc: '2.0', id: 9, method: 'tools/call', params: { name: 'a' } });
  });

  test('no params stay no params', () => {
    expect(callLine(1, testCall({ method: 'vendor/do "it"', params: null }), '')).toBe(
      '{"jsonrpc":"2.0","id":1,"method":"vendor/do \\"it\\""}',
    );
  });
});

describe('a call to a modern server', () => {
  test("carries the hub's envelope, never the client's", () => {
    const _meta = {
      'io.modelcontextprotocol/clientInfo': { name: 'client' },
      'dev.quaymaster/upstream': 'x',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    };
    const line = callLine(
      3,
      testCall({ params: { name: 'a', _meta }, progressToken: '5', logLevel: 'info' }),
      envelope,
    );
    expect(JSON.parse(line)).toEqual({
      jsonrpc: '2.0',
      id: 3,
      method: 'tools/call',
      params: {
        name: 'a',
        _meta: {
          ...envelopeKeys,
          'io.modelcontextprotocol/logLevel': 'info',
          progressToken: 3,
          traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        },
      },
    });
  });

  test('has an envelope even without params', () => {
    const line = callLine(3, testCall({ method: 'vendor/x', params: null }), envelope);
    expect(JSON.parse(line)).toMatchObject({ params: { _meta: envelopeKeys } });
  });
});

test.each([
  ['{}', { _meta: envelopeKeys }],
  ['{ }', { _meta: envelopeKeys }],
  ['{"cursor":"a"}', { _meta: envelopeKeys, cursor: 'a' }],
])("the hub's own request %s", (params, expected) => {
  expect(JSON.parse(ownLine(1, 'tools/list', params as RawJson, envelope))).toMatchObject({ params: expected });
  expect(ownLine(1, 'tools/list', params as RawJson, '')).toBe(
    `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":${params}}`,
  );
});
