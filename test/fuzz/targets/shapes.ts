/** Shapes that make parsers slow: no input costs more than its length is worth. */
import { LineReader } from '../../../hub-runtime/src/bridge/index.ts';
import {
  decodeText,
  editObject,
  encodeHeaderValue,
  idKey,
  paramHeadersOf,
  type RawJson,
  scanBatch,
  scanMessage,
  scanObject,
  sseEvent,
  SseParser,
  trimOws,
} from '../../../hub-runtime/src/wire/index.ts';
import type { Shape } from '../engine/target.ts';

const limits = { depth: 64, nodes: 10_000_000 };
const scan = (input: string): void => void scanMessage(input as RawJson, limits);
const call = (value: string): string => `{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":${value}}}`;
const stream = (input: string): void => void new SseParser(() => {}, 100_000_000).push(input);
const pieces =
  (length: number) =>
  (input: string): void => {
    const parser = new SseParser(() => {}, 100_000_000);
    for (let at = 0; at < input.length; at += length) parser.push(input.slice(at, at + length));
  };
const lines = (input: string): void => {
  const reader = new LineReader({ message: () => {}, fault: () => {}, noise: () => {} }, 100_000_000);
  for (let at = 0; at < input.length; at += 512) reader.push(input.slice(at, at + 512));
  reader.end();
};
const schema = (count: number): string =>
  `{"properties":{${Array.from({ length: count }, (_, n) => `"p${n}":{"type":"string","x-mcp-header":"H${n}"}`).join(',')}}}`;

export const shapes: readonly Shape[] = [
  ['a long string', scan, (size) => call(`"${'x'.repeat(size)}"`)],
  ['a long string of escapes', scan, (size) => call(`"${'\\u0041'.repeat(size / 6)}"`)],
  ['a long key', scan, (size) => `{"jsonrpc":"2.0","method":"m","${'\\n'.repeat(size / 2)}":1}`],
  ['a long number', scan, (size) => call('1'.repeat(size))],
  ['white space', scan, (size) => `${' '.repeat(size)}${call('1')}`],
  ['many keys of the message itself', scan, (size) => `{${'"x":1,'.repeat(size / 6)}"jsonrpc":"2.0","method":"m"}`],
  ['many keys deeper down', scan, (size) => call(`{${'"x":1,'.repeat(size / 6)}"y":1}`)],
  ['an array of objects', scan, (size) => call(`[${'{"a":[]},'.repeat(size / 9)}1]`)],
  ['bytes that are not ASCII', scan, (size) => call(`"${'\xc3\xa9'.repeat(size / 2)}"`)],
  ['a string that never ends', scan, (size) => `{"a":"${'x'.repeat(size)}`],
  ['a batch', (input) => void scanBatch(input as RawJson, 100, limits), (size) => `[${'7,'.repeat(size / 2)}7]`],
  [
    'an object on its own',
    (input) => void scanObject(input as RawJson, limits),
    (size) => `{"a":"${'x'.repeat(size)}"}`,
  ],
  [
    'an edit of a large object',
    (input) => void editObject(scanObject(input as RawJson, limits), [['b', '1' as RawJson]], ['c']),
    (size) => `{"a":"${'x'.repeat(size)}"}`,
  ],
  // Searching is fast: it takes much of it to be seen.
  ['lines ended by CR alone', stream, (size) => '\r'.repeat(size), 65_536],
  ['lines ended by LF alone', stream, (size) => '\n'.repeat(size)],
  ['CR in turn with LF far behind', stream, (size) => `${'data: x\r'.repeat(size / 8)}\n`],
  ['data of many lines', stream, (size) => `${'data: x\n'.repeat(size / 8)}\n`],
  ['many events', stream, (size) => 'data: x\n\n'.repeat(size / 9)],
  ['an endless line in small pieces', pieces(7), (size) => `data: ${'x'.repeat(size)}`],
  ['an event in small pieces', pieces(7), (size) => `data: ${'x'.repeat(size)}\n\n`],
  ['a comment in small pieces', pieces(7), (size) => `:${'x'.repeat(size)}\n\n`],
  [
    'a message of many lines as an event',
    (input) => void sseEvent(input as RawJson),
    (size) => `[${'\n'.repeat(size)}]`,
  ],
  ['a line in pieces', lines, (size) => `{"jsonrpc":"2.0","id":1,"result":{"a":"${'x'.repeat(size)}"}}\n`],
  ['noise', lines, (size) => '[ {"jsonrpc" '.repeat(size / 13)],
  ['lines of noise', lines, (size) => 'x\n'.repeat(size / 2)],
  ['white space on a line', lines, (size) => `${' '.repeat(size)}x\n`],
  ['a header of spaces', (input) => void trimOws(input), (size) => ' '.repeat(size)],
  ['spaces inside a header', (input) => void trimOws(input), (size) => `a${' '.repeat(size)}b`],
  ['a header of text', (input) => void encodeHeaderValue(input), (size) => '\xc3\xa9'.repeat(size / 2)],
  ['an id that is a long number', (input) => void idKey(input as RawJson), (size) => '9'.repeat(size)],
  [
    'declarations of mirrored arguments',
    (input) => void paramHeadersOf(input as RawJson),
    (size) => schema(Math.min(size / 60, 4_000)),
  ],
  ['text', (input) => void decodeText(input), (size) => '\xc3\xa9'.repeat(size / 2)],
];
