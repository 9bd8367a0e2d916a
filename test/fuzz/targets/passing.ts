/** Answers that are read while they arrive: in any pieces the same, and the same as those that are read at once. */
import { type PassingEdits, type RawJson, ResultReader, scanMessage } from '../../../hub-runtime/src/wire/index.ts';
import { createDice } from '../engine/random.ts';
import { hold, type Target } from '../engine/target.ts';
import { isObject, own, parsed, same } from './reference.ts';

export const passing: Target = {
  name: 'passing',
  seeds: [
    '{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"x\\u00e9\\n"}],"isError":false,"_meta":{"a":[1]}}}',
    ' { "result" : { "contents" : [ { "uri":"file:///a" , "blob":"AA==" } ] , "ttlMs":0,"cacheScope":"public" } , "id":"a", "jsonrpc":"2.0" } ',
    '{"jsonrpc":"2.0","id":-1.5e3,"result":{"structuredContent":[true,null,-0.1E+2],"resultType":"complete"}}',
    '{"jsonrpc":"2.0","id":null,"result":{"":{"":"\xc3\xa9"},"messages":[{"content":{"type":"resource","resource":{"uri":"u"}}}]}}',
    '{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":""}}',
  ],
  dictionary: [
    '"result":{}',
    '"id":1,',
    '"jsonrpc":"2.0",',
    '"_meta":{"k":1},',
    '"isError":true,',
    '"resultType":"complete",',
    '"result\\u0054ype":"task",',
    '"requestState":"s",',
    '"structuredContent":7',
    '"uri":"u",',
    '"__proto__":{}',
    '\\u0041',
    '\\ud800',
    '\\u00',
    '\\/',
    '\xc3\xa9',
    '\xf0\x9f\x98\x80',
    '\xff',
    'true',
    'nul',
    '1e5',
    '[[',
    ']]',
    '}}',
    ' ',
  ],
  run(input) {
    const whole = read([input]);
    for (const chunks of cuts(input))
      hold(same(accepted(read(chunks)), accepted(whole)), 'an answer does not depend on where the network cuts');
    const message = scanMessage(input as RawJson, { depth: 128, nodes: 1_000_000 });
    const isAnswer = message.kind === 'response' && message.result !== undefined;
    if (typeof whole === 'string') {
      // Stricter than at once: no key of the message itself twice either.
      if (whole.includes('twice')) return;
      const value = parsed(input)?.value;
      const asks = Object.keys(isObject(own(value, 'result')) ? (own(value, 'result') as object) : {}).some(
        (key) => key === 'inputRequests' || key === 'requestState' || key.startsWith('\0'),
      );
      // A stray key that belongs to requests is overlooked at once, and refused on the way.
      hold(!isAnswer || asks || own(value, 'params') !== undefined, 'an answer is refused for a reason');
      return;
    }
    hold(isAnswer, 'what passes is an answer');
    const value = parsed(input)?.value;
    const passed = parsed(`{${whole.text}}`)?.value;
    const held = parsed(whole.held)?.value;
    hold(isObject(passed) && isObject(held), 'both parts are JSON');
    hold(same({ ...passed, ...held }, { ...(own(value, 'result') as object) }), 'together they are the result');
    judgeEdited(input, value);
    hold(whole.id === message.id, 'the id is the id');
    hold(!/[\r\n]/.test(whole.text), 'no line break gets into an event stream');
  },
};

/** With edits: still JSON, cut anywhere, with the same members; structured content is inside another object. */
function judgeEdited(input: string, value: unknown): void {
  const whole = read([input], edits);
  for (const chunks of cuts(input)) hold(same(accepted(read(chunks, edits)), accepted(whole)), 'edits neither');
  // A URI that is too long to be edited ends it.
  if (typeof whole === 'string') return;
  const passed = parsed(`{${whole.text}}`)?.value;
  const result = own(value, 'result');
  hold(isObject(passed) && isObject(result), 'what is edited is JSON');
  for (const [key, one] of Object.entries(passed)) {
    if (key === 'structuredContent') hold(same(one, { result: result[key] }), 'structured content is wrapped');
    else if (!edited.has(key)) hold(same(one, result[key]), 'the rest is left alone');
  }
}

const edits: PassingEdits = { wrap: 'always', expose: (uri) => `qm://a/${uri}` };
/** Where URIs of items stand. */
const edited = new Set(['content', 'contents', 'messages']);

/** What came through, or what was wrong. */
function read(
  chunks: readonly string[],
  how: PassingEdits = {},
): { text: string; held: string; id: string | undefined } | string {
  let text = '';
  const reader = new ResultReader((piece) => (text += piece), how);
  const isFine = chunks.every((chunk) => reader.push(chunk));
  const end = isFine ? reader.finish() : undefined;
  return end === undefined ? (reader.fault ?? 'no reason') : { text, held: end.held, id: end.id };
}

/** Which of several faults is met first may depend on the cuts. */
function accepted<T>(read: T | string): T | undefined {
  return typeof read === 'string' ? undefined : read;
}

/** The same cuts for the same input. */
function cuts(input: string): string[][] {
  const dice = createDice(input.length);
  const ways: string[][] = [input.split('')];
  for (let way = 0; way < 2; way++) {
    const chunks: string[] = [];
    for (let at = 0; at < input.length;) {
      const end = at + 1 + dice.below(way === 0 ? 6 : 60);
      chunks.push(input.slice(at, end));
      at = end;
    }
    ways.push(chunks);
  }
  return ways;
}
