import { describe, expect, test } from 'vitest';

import { classifyPiped, classifyPost } from './classify.ts';
import { parseRaw, type RawJson, rawOf } from './raw.ts';
import { metaKey, modernRevision } from './revisions.ts';
import { scanMessage, type ScannedMessage } from './scan.ts';

const envelope = { [metaKey.protocolVersion]: modernRevision, [metaKey.clientCapabilities]: {} };
const headers = { 'mcp-protocol-version': modernRevision, 'mcp-method': 'tools/call', 'mcp-name': 'notes_read' };

function message(value: Readonly<Record<string, unknown>>): ScannedMessage {
  const scanned = scanMessage(rawOf({ jsonrpc: '2.0', ...value }));
  if (scanned.kind === 'fault') throw new Error(scanned.message);
  return scanned;
}

function call(meta: Readonly<Record<string, unknown>> = envelope, name: unknown = 'notes_read'): ScannedMessage {
  return message({ id: 1, method: 'tools/call', params: { name, _meta: meta } });
}

function code(scanned: ScannedMessage, given: Readonly<Record<string, string>>): number | string {
  const result = classifyPost(scanned, given);
  return result.era === 'fault' ? result.code : result.era;
}

describe('the body decides the era', () => {
  test('EF-22 checklist 1: an enveloped request is modern, any other is legacy', () => {
    expect(code(call(), headers)).toBe('modern');
    expect(code(call({}), {})).toBe('legacy');
    expect(code(message({ id: 1, method: 'initialize', params: { protocolVersion: modernRevision } }), {})).toBe(
      'legacy',
    );
    expect(code(message({ id: 1, method: 'tools/list' }), { 'mcp-protocol-version': '2025-06-18' })).toBe('legacy');
    expect(code(message({ id: 1, result: {} }), headers)).toBe('legacy');
  });

  test('a modern header alone is an error, never a guess', () => {
    expect(code(call({}), headers)).toBe(-32602);
    expect(code(message({ id: 1, method: 'initialize', params: {} }), headers)).toBe(-32020);
  });

  test('notifications need no headers, but those that are there agree', () => {
    const notification = message({ method: 'notifications/x', params: { _meta: envelope } });
    expect(code(notification, {})).toBe('modern');
    expect(code(notification, { 'mcp-method': 'notifications/y' })).toBe(-32020);
    expect(code(notification, { 'mcp-protocol-version': '2025-06-18' })).toBe(-32020);
    expect(code(message({ method: 'notifications/x' }), headers)).toBe('modern');
    expect(code(message({ method: 'notifications/x' }), {})).toBe('legacy');
  });
});

describe('checklist 8: the envelope', () => {
  test.each([
    ['version of the wrong type', { ...envelope, [metaKey.protocolVersion]: 7 }],
    ['no capabilities', { [metaKey.protocolVersion]: modernRevision }],
    ['capabilities of the wrong type', { ...envelope, [metaKey.clientCapabilities]: [] }],
    ['clientInfo of the wrong type', { ...envelope, [metaKey.clientInfo]: 'me' }],
    ['unknown log level', { ...envelope, [metaKey.logLevel]: 'loud' }],
  ])('%s -> -32602', (_name, meta) => {
    expect(code(call(meta), headers)).toBe(-32602);
  });

  test('clientInfo and a log level are optional', () => {
    expect(
      code(
        call({ ...envelope, [metaKey.clientInfo]: { name: 'c', version: '1' }, [metaKey.logLevel]: 'info' }),
        headers,
      ),
    ).toBe('modern');
  });

  test('a version that is not served -> -32022 with the list', () => {
    const meta = { ...envelope, [metaKey.protocolVersion]: '2099-01-01' };
    const result = classifyPost(call(meta), { ...headers, 'mcp-protocol-version': '2099-01-01' });
    expect(result).toMatchObject({ era: 'fault', code: -32022 });
    if (result.era === 'fault' && result.data !== undefined)
      expect(parseRaw(result.data)).toEqual({ supported: [modernRevision], requested: '2099-01-01' });
  });
});

describe('checklist 9: mirrored headers', () => {
  test.each<[string, Record<string, string>]>([
    ['version missing', { 'mcp-method': 'tools/call', 'mcp-name': 'notes_read' }],
    ['version different', { ...headers, 'mcp-protocol-version': '2025-11-25' }],
    ['method missing', { 'mcp-protocol-version': modernRevision, 'mcp-name': 'notes_read' }],
    ['method different', { ...headers, 'mcp-method': 'tools/list' }],
    ['method in another case', { ...headers, 'mcp-method': 'Tools/Call' }],
    ['method twice', { ...headers, 'mcp-method': 'tools/call, tools/call' }],
    ['name missing', { 'mcp-protocol-version': modernRevision, 'mcp-method': 'tools/call' }],
    ['name different', { ...headers, 'mcp-name': 'notes_write' }],
    ['name malformed', { ...headers, 'mcp-name': '=?base64?x?=' }],
    ['name empty', { ...headers, 'mcp-name': '' }],
  ])('%s -> -32020', (_name, given) => {
    expect(code(call(), given)).toBe(-32020);
  });

  test('white space and the base64 sentinel are decoded', () => {
    expect(code(call(), { ...headers, 'mcp-method': ' tools/call', 'mcp-name': '\tnotes_read ' })).toBe('modern');
    expect(code(call(envelope, 'é'), { ...headers, 'mcp-name': '=?base64?w6k=?=' })).toBe('modern');
  });

  test('a body without a name is not the headers business', () => {
    expect(code(message({ id: 1, method: 'tools/call', params: { _meta: envelope } }), headers)).toBe('modern');
    expect(
      code(message({ id: 1, method: 'tools/call', params: { _meta: envelope } }), {
        'mcp-protocol-version': modernRevision,
        'mcp-method': 'tools/call',
      }),
    ).toBe('modern');
    expect(
      code(message({ id: 1, method: 'tools/list', params: { _meta: envelope } }), {
        'mcp-protocol-version': modernRevision,
        'mcp-method': 'tools/list',
      }),
    ).toBe('modern');
  });
});

describe('on a pipe', () => {
  const era = (scanned: ScannedMessage): number | string => {
    const result = classifyPiped(scanned);
    return result.era === 'fault' ? result.code : result.era;
  };

  test('EF-22 the envelope alone decides, message by message', () => {
    expect(era(call())).toBe('modern');
    expect(era(call({}))).toBe('legacy');
    expect(era(call({ [metaKey.protocolVersion]: modernRevision }))).toBe(-32602);
    expect(era(call({ ...envelope, [metaKey.protocolVersion]: '2099-01-01' }))).toBe(-32022);
    expect(era(message({ method: 'notifications/cancelled', params: { _meta: envelope } }))).toBe('modern');
  });
});

test('hidden spelling: an escaped version claim is still a claim', () => {
  const text = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"notes_read","_meta":{"io.modelcontextprotocol\\/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}`;
  const scanned = scanMessage(text as RawJson);
  if (scanned.kind === 'fault') throw new Error(scanned.message);
  expect(code(scanned, headers)).toBe('modern');
  expect(code(scanned, {})).toBe(-32020);
});
