/** Messages: what is JSON, what is a message, where its members lie. The judge is `JSON.parse`. */
import { isUtf8 } from 'node:buffer';

import {
  idKey,
  memberString,
  objectRaw,
  type RawJson,
  scanArray,
  scanBatch,
  scanMessage,
  scanObject,
  type ScannedObject,
} from '../../../hub-runtime/src/wire/index.ts';
import { hold, type Target } from '../engine/target.ts';
import {
  bytesOf,
  encoded,
  entriesApart,
  isObject,
  own,
  parsed,
  parsedApart,
  type Parsed,
  same,
  wellFormed,
} from './reference.ts';

const roomy = { depth: 10_000, nodes: 1_000_000 };
const batchMost = 8;

export const messages: Target = {
  name: 'messages',
  seeds: [
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{"a":[1,"x"]},"_meta":{"progressToken":"p"}}}',
    '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":7,"progress":0.5}}',
    '{"jsonrpc":"2.0","id":"a\\u0062","result":{"resultType":"complete","content":[],"_meta":{}}}',
    '{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"\xc3\xa9"}}',
    '[{"jsonrpc":"2.0","id":1,"method":"m"},{"jsonrpc":"2.0","method":"n"},7]',
    ' [1 , "x",{"a":null} ,[true,false]] ',
    '{"__proto__":{"a":1},"constructor":2,"jsonrpc":"2.0","id":-0.0e+1,"method":"\\ud83d\\ude00"}',
  ],
  dictionary: [
    '"jsonrpc":"2.0",',
    '"id":1,',
    '"id":null,',
    '"method":"m",',
    '"params":{}',
    '"params":{"_meta":{}}',
    '"result":{}',
    '"error":{}',
    '"_meta":{"a":1}',
    '"__proto__":1',
    '"constructor":',
    '"\\u005f_proto__"',
    '\\u0000',
    '\\ud800',
    '\\udc00',
    '\\"',
    '\\/',
    '\xef\xbb\xbf',
    '\xc3\xa9',
    '\xed\xa0\x80',
    '\xc0\xaf',
    '\xf0\x9f\x98\x80',
    '\xe2\x80\xa8',
    'true',
    'false',
    'null',
    '[[',
    ']]',
    '{"a":',
    '},{',
    '1e5',
    '-0',
  ],
  run(input) {
    const raw = input as RawJson;
    const judge = parsed(input);
    judgeMessage(raw, judge);
    judgeBatch(raw, judge);
    // Values on their own come out of messages: their bytes have been looked at.
    if (isUtf8(bytesOf(input))) judgeValues(raw, judge);
  },
};

function judgeMessage(raw: RawJson, judge: Parsed | undefined): void {
  const message = scanMessage(raw, roomy);
  if (message.kind === 'fault') {
    if (message.fault === 'syntax') hold(judge === undefined, 'what is called no JSON is none');
    if (message.id !== undefined) hold(parsed(message.id) !== undefined, 'the id of a fault is JSON');
    // Fewer than this cannot be over a bound.
    if (message.fault === 'limit') hold(raw.length > 4 * 256, 'a limit is named only by what is large');
    if (judge !== undefined && message.fault === 'shape' && !message.message.includes('twice') && !repeats(raw))
      hold(kindOf(judge.value) === undefined, 'what is called no message is none');
    return;
  }
  hold(judge !== undefined, 'what is taken for a message is JSON');
  const { value } = judge;
  hold(kindOf(value) === message.kind, 'requests, notifications and responses are told apart');
  hold(raw === message.raw, 'a message keeps its bytes');
  if (message.kind !== 'response') hold(own(value, 'method') === message.method, 'the method is what JSON says');
  if (message.id !== undefined) {
    hold(same(parsed(message.id)?.value, own(value, 'id')), 'the id is what JSON says');
    hold(parsed(idKey(message.id)) !== undefined, 'the key of an id is JSON');
  }
  if (message.error !== undefined) hold(same(parsed(message.error)?.value, own(value, 'error')), 'so is the error');
  if (message.params !== undefined) judgeObject(message.params, own(value, 'params'));
  if (message.result !== undefined) judgeObject(message.result, own(value, 'result'));
}

/** A key of the message stands twice: whichever is looked at first may be refused. */
function repeats(raw: string): boolean {
  const keys = entriesApart(parsedApart(raw)).map(([key]) => key);
  return new Set(keys).size < keys.length;
}

/** By the rules of JSON-RPC and MCP; undefined: no message. */
function kindOf(value: unknown): 'request' | 'notification' | 'response' | undefined {
  if (!isObject(value) || own(value, 'jsonrpc') !== '2.0') return undefined;
  const has = (key: string): boolean => Object.hasOwn(value, key);
  const id = own(value, 'id');
  if (has('id') && typeof id !== 'string' && typeof id !== 'number' && id !== null) return undefined;
  if (has('method')) {
    if (typeof value['method'] !== 'string' || has('result') || has('error')) return undefined;
    if (has('params') && !isObject(value['params'])) return undefined;
    if (has('id') && id === null) return undefined;
    return has('id') ? 'request' : 'notification';
  }
  if (has('result') === has('error')) return undefined;
  return has('error') || isObject(value['result']) ? 'response' : undefined;
}

function judgeObject(object: ScannedObject, value: unknown): void {
  hold(isObject(value), 'what is recorded as an object is one');
  const { members, raw } = object;
  hold(same(parsed(objectRaw(object))?.value, value), 'the bytes of an object mean the object');
  hold(members.length === Object.keys(value).length, 'every key counts once: nothing hides behind a second one');
  for (const member of members) {
    const text = raw.slice(member.start, member.end);
    const key = Object.keys(value).find((one) => encoded(one) === member.key);
    hold(key !== undefined, 'a recorded key is one of the object');
    hold(same(parsed(text)?.value, value[key]), 'the bytes of a member mean its value');
    const string = memberString(object, member.key);
    const meant = value[key];
    hold(
      typeof meant === 'string' ? string === encoded(wellFormed(meant)) : string === undefined,
      'a string member is read as JSON means it',
    );
  }
  const spliced = `{${members.map((member) => raw.slice(member.keyStart, member.end)).join(',')}}`;
  hold(same(parsed(spliced)?.value, value), 'members put together again are the object');
  if (object.meta !== undefined) judgeObject(object.meta, own(value, '_meta'));
}

function judgeBatch(raw: RawJson, judge: Parsed | undefined): void {
  if (!/^[ \t\r\n]*\[/.test(raw)) return;
  const batch = scanBatch(raw, batchMost, roomy);
  if ('kind' in batch) {
    const isFine = Array.isArray(judge?.value) && judge.value.length > 0 && judge.value.length <= batchMost;
    hold(!isFine, 'a batch is refused for a reason');
    return;
  }
  hold(judge !== undefined && Array.isArray(judge.value), 'what is taken for a batch is an array');
  const values = judge.value as readonly unknown[];
  hold(values.length === batch.length && batch.length <= batchMost, 'a batch has as many messages as elements');
  for (const [at, one] of batch.entries())
    if (one.kind !== 'fault') hold(kindOf(values[at]) === one.kind, 'elements are told apart as messages are');
}

function judgeValues(raw: RawJson, judge: Parsed | undefined): void {
  const object = scanObject(raw, roomy);
  if (object !== undefined) {
    hold(judge !== undefined, 'what is taken for an object is JSON');
    judgeObject(object, judge.value);
  }
  const array = scanArray(raw, roomy);
  if (array === undefined) {
    hold(!Array.isArray(judge?.value), 'an array is recognised');
    return;
  }
  hold(judge !== undefined && Array.isArray(judge.value), 'what is taken for an array is one');
  hold(
    same(
      array.map((one) => parsed(one)?.value),
      judge.value,
    ),
    'its elements keep their bytes',
  );
}
