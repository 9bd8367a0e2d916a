import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { memberRaw, memberString, objectRaw } from './edit.ts';
import { encodeText, type RawJson, rawFromBytes } from './raw.ts';
import { scanBatch, type ScanFault, scanMessage } from './scan.ts';
import { scanArray, scanObject } from './scan-values.ts';

const raw = (text: string): RawJson => encodeText(text) as RawJson;
const roomy = { depth: 500, nodes: 1_000_000 };

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function fault(text: string): ScanFault {
  const result = scanMessage(raw(text));
  if (result.kind !== 'fault') throw new Error(`accepted: ${text}`);
  return result;
}

/** JSON text of random values, spelled in random ways: spaces, escapes, number forms. */
const spelled = fc
  .tuple(fc.jsonValue({ maxDepth: 4 }), fc.constantFrom(0, 1, 2, '\t', '\r\n '), fc.boolean())
  .map(([value, space, escape]) => {
    const text = JSON.stringify(value, undefined, space);
    return escape
      ? text.replace(/[^\x20-\x7e\r\n\t]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
      : text;
  });

/** The same, broken (or not) by one edit. */
const mutated = fc
  .tuple(
    spelled,
    fc.nat(),
    fc.constantFrom(
      '',
      '"',
      '\\',
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '0',
      '-',
      '.',
      'e',
      '+',
      ' ',
      '\u0001',
      'tru',
      '\\u12',
      'é',
    ),
    fc.boolean(),
  )
  .map(([text, at, piece, replace]) => {
    const position = at % (text.length + 1);
    return text.slice(0, position) + piece + text.slice(position + (replace ? 1 : 0));
  });

describe('scanMessage agrees with JSON.parse', () => {
  test('EF-21 on what is JSON, for any text', () => {
    fc.assert(
      fc.property(fc.oneof(spelled, mutated), (text) => {
        const whole = scanMessage(raw(`{"jsonrpc":"2.0","id":1,"method":"m","x":${text}}`), roomy);
        expect(whole.kind !== 'fault' || whole.fault !== 'syntax').toBe(parses(`{"x":${text}}`));
      }),
      { numRuns: 2000 },
    );
  });

  test('on bare texts of every JSON type', () => {
    fc.assert(
      fc.property(mutated, (text) => {
        const result = scanMessage(raw(text), roomy);
        expect(result.kind === 'fault' && result.fault === 'syntax').toBe(
          !text.trimStart().startsWith('[') && !parses(text),
        );
      }),
      { numRuns: 1000 },
    );
  });

  test('HT-0.01 members hold exactly the bytes that arrived', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 12 }),
        (params) => {
          const text = JSON.stringify({ jsonrpc: '2.0', id: 'a', method: 'm', params });
          const message = scanMessage(raw(text), roomy);
          if (message.kind === 'fault') throw new Error(message.message);
          expect(message.kind).toBe('request');
          const bytes = Buffer.from(text, 'utf8').toString('latin1');
          const parts = (message.params?.members ?? []).map((member) => bytes.slice(member.keyStart, member.end));
          expect(JSON.parse(Buffer.from(`{${parts.join(',')}}`, 'latin1').toString('utf8'))).toEqual(
            JSON.parse(JSON.stringify(params)),
          );
          expect(message.params?.members).toHaveLength(Object.keys(params).length);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('scanMessage reads the envelope', () => {
  test('EF-21 ids keep their type and spelling', () => {
    for (const id of ['0', '1', '-7', '1.50', '1e3', '""', '"1"', '"ä\\u0041"']) {
      const message = scanMessage(raw(`{"method":"ping","id": ${id} ,"jsonrpc":"2.0"}`));
      expect(message).toMatchObject({ kind: 'request', id: encodeText(id), method: 'ping', params: undefined });
    }
  });

  test('tells requests, notifications and responses apart', () => {
    expect(scanMessage(raw('{"jsonrpc":"2.0","method":"x"}'))).toMatchObject({ kind: 'notification', id: undefined });
    expect(scanMessage(raw('{"jsonrpc":"2.0","id":1,"result":{}}'))).toMatchObject({ kind: 'response', id: '1' });
    expect(scanMessage(raw('{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":""}}'))).toMatchObject({
      kind: 'response',
      id: 'null',
      error: '{"code":1,"message":""}',
    });
  });

  test('finds params, result and the _meta of each', () => {
    const message = scanMessage(
      raw('{"jsonrpc":"2.0","id":1,"method":"\\u0074ools/call","params":{ "name":"ä\\n","_meta":{"k":[1]}}}'),
    );
    if (message.kind === 'fault') throw new Error(message.message);
    expect(message.method).toBe('tools/call');
    expect(memberString(message.params, 'name')).toBe(encodeText('ä\n'));
    expect(memberRaw(message.params?.meta, 'k')).toBe('[1]');
    expect(message.params && objectRaw(message.params)).toBe(encodeText('{ "name":"ä\\n","_meta":{"k":[1]}}'));
  });

  test.each([
    ['[]', 'batch'],
    [' \n[{}]', 'batch'],
    ['7', 'shape'],
    ['null', 'shape'],
    ['{}', 'shape'],
    ['{"jsonrpc":"1.0","id":1,"method":"m"}', 'shape'],
    ['{"jsonrpc":"2.0","id":1}', 'shape'],
    ['{"jsonrpc":"2.0","id":null,"method":"m"}', 'shape'],
    ['{"jsonrpc":"2.0","id":true,"method":"m"}', 'shape'],
    ['{"jsonrpc":"2.0","id":{},"method":"m"}', 'shape'],
    ['{"jsonrpc":"2.0","id":1,"method":7}', 'shape'],
    ['{"jsonrpc":"2.0","id":1,"method":"m","result":{}}', 'shape'],
    ['{"jsonrpc":"2.0","id":1,"result":{},"error":{}}', 'shape'],
    ['{"jsonrpc":"2.0","id":1,"result":[]}', 'shape'],
    ['{"jsonrpc":"2.0","id":1,"method":"m","params":[1]}', 'params'],
    ['{"jsonrpc":"2.0","id":1,"method":"m","params":null}', 'params'],
    ['{"jsonrpc":"2.0","id":1,"id":2,"method":"m"}', 'shape'],
    ['{"jsonrpc":"2.0","id":1,"method":"m","method":"n"}', 'shape'],
    ['{"jsonrpc":"2.0","id":1,"method":"m","params":{"name":"a","name":"b"}}', 'shape'],
    ['{"jsonrpc":"2.0","id":1,"method":"m","params":{"name":"a","n\\u0061me":"b"}}', 'shape'],
    ['{"jsonrpc":"2.0","id":1,"method":"m","params":{"é":"a","\\u00e9":"b"}}', 'shape'],
    ['{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{"k":1,"k":2}}}', 'shape'],
    ['', 'syntax'],
    ['\ufeff{"jsonrpc":"2.0"}', 'syntax'],
    ['{"jsonrpc":"2.0","id":1,"method":"m"} {}', 'syntax'],
    ['{"jsonrpc":"2.0","id":1,"method":"m",}', 'syntax'],
    ["{'jsonrpc':'2.0'}", 'syntax'],
    ['{"jsonrpc":"2.0","id":01,"method":"m"}', 'syntax'],
    ['{"jsonrpc":"2.0","id":NaN,"method":"m"}', 'syntax'],
  ] as const)('refuses %s as %s', (text, kind) => {
    expect(fault(text).fault).toBe(kind);
  });

  test('a fault names the id when it was readable', () => {
    expect(fault('{"jsonrpc":"2.0","id":"x","method":"m","params":7}').id).toBe('"x"');
    expect(fault('{"jsonrpc":"2.0","id":"x","method":').id).toBeUndefined();
  });
});

describe('bounds', () => {
  const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
  const call = (value: string): string => `{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":${value}}}`;

  test('depth: the limit passes, one more does not', () => {
    const limits = { depth: 10, nodes: 1000 };
    expect(scanMessage(raw(call(nested(8))), limits).kind).toBe('request');
    expect(scanMessage(raw(call(nested(9))), limits)).toMatchObject({ kind: 'fault', fault: 'limit', id: '1' });
  });

  test('nodes: the limit passes, one more does not', () => {
    const limits = { depth: 10, nodes: 20 };
    const numbers = (count: number): string => `[${Array.from({ length: count }, () => '1').join(',')}]`;
    expect(scanMessage(raw(call(numbers(15))), limits).kind).toBe('request');
    expect(scanMessage(raw(call(numbers(16))), limits)).toMatchObject({ kind: 'fault', fault: 'limit' });
  });

  test('members of a recorded object', () => {
    const members = (count: number): string =>
      `{"jsonrpc":"2.0","method":"m","params":{${Array.from({ length: count }, (_, n) => `"${n}":0`).join(',')}}}`;
    expect(scanMessage(raw(members(256))).kind).toBe('notification');
    expect(scanMessage(raw(members(257)))).toMatchObject({ fault: 'limit' });
  });

  test('a megabyte of brackets is refused after a few of them', () => {
    const started = performance.now();
    expect(fault(call('['.repeat(1_000_000))).fault).toBe('limit');
    expect(performance.now() - started).toBeLessThan(200);
  });

  test('a batch: elements are bounded, and faults stay with their element', () => {
    const one = '{"jsonrpc":"2.0","id":1,"method":"m"}';
    expect(scanBatch(raw(`[${one},${one}]`), 2)).toHaveLength(2);
    expect(scanBatch(raw(`[${one},${one},${one}]`), 2)).toMatchObject({ fault: 'limit' });
    expect(scanBatch(raw('[]'), 2)).toMatchObject({ fault: 'shape' });
    expect(scanBatch(raw(`[${one}`), 2)).toMatchObject({ fault: 'syntax' });
    expect(scanBatch(raw(`[${one}] x`), 2)).toMatchObject({ fault: 'syntax' });
    expect(scanBatch(raw(`[${one} 7]`), 2)).toMatchObject({ fault: 'syntax' });
    expect(scanBatch(raw(` [7, ${one} ]`), 2)).toMatchObject([{ fault: 'shape' }, { kind: 'request' }]);
  });
});

describe('scanObject and scanArray', () => {
  test('take their kind and nothing else', () => {
    expect(scanObject(raw(' {"a":1} '))?.members).toHaveLength(1);
    for (const text of ['[]', '7', '{"a":}', '{} x', '']) expect(scanObject(raw(text))).toBeUndefined();
    expect(scanArray(raw(' [1, {"a":[2]} ,"x"] '))).toEqual(['1', '{"a":[2]}', '"x"']);
    expect(scanArray(raw('[]'))).toEqual([]);
    for (const text of ['{}', '[1,]', '[1', '[1 2]', '', '[] x', '[1]]']) expect(scanArray(raw(text))).toBeUndefined();
  });
});

describe('hostile bytes', () => {
  test.each([
    ['control character in a key', '{"jsonrpc":"2.0","id":1,"method":"m","params":{"a\u0000":1}}'],
    ['unfinished escape', '{"jsonrpc":"2.0","id":1,"method":"m\\'],
    ['unfinished unicode escape', '{"jsonrpc":"2.0","id":1,"method":"\\u00g0"}'],
    ['escape of nothing', '{"jsonrpc":"2.0","id":1,"method":"\\x"}'],
    ['number that never starts', '{"jsonrpc":"2.0","id":-,"method":"m"}'],
    ['number that never ends', '{"jsonrpc":"2.0","id":1e,"method":"m"}'],
    ['fraction without digits', '{"jsonrpc":"2.0","id":1.,"method":"m"}'],
  ])('%s', (_name, text) => {
    expect(fault(text).fault).toBe('syntax');
  });

  test('EF-21 JSON is UTF-8, whoever sends it', () => {
    const message = (text: string) => scanMessage(`{"jsonrpc":"2.0","id":1,"result":{"a":"${text}"}}` as RawJson);
    for (const text of ['\xff', '\xc3', '\xc0\xaf', '\xed\xa0\x80', '\xf4\x90\x80\x80', 'x\\n\x80'])
      expect(message(text)).toMatchObject({ fault: 'syntax', message: 'not UTF-8' });
    for (const text of ['\xc3\xa9', '\xf0\x9f\x98\x80', '\\ud800', 'x']) expect(message(text).kind).toBe('response');
    expect(scanMessage('{"jsonrpc":"2.0","method":"m","\xff":1}' as RawJson)).toMatchObject({ fault: 'syntax' });
    expect(scanBatch('[{"jsonrpc":"2.0","method":"m"},"\xff"]' as RawJson, 5)).toMatchObject({ fault: 'syntax' });
  });

  test('bytes of any kind never make it throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        expect(() => scanMessage(rawFromBytes(Buffer.from(bytes)))).not.toThrow();
        expect(() => scanBatch(rawFromBytes(Buffer.from([91, ...bytes])), 3)).not.toThrow();
      }),
      { numRuns: 500 },
    );
  });
});
