import { describe, expect, test } from 'vitest';

import type { Exchange, PassingSink, ResultOutcome } from '../exchange/index.ts';
import { emptyObject, type PassingEdits, type RawJson } from '../wire/index.ts';
import { PassingCall } from './passing-call.ts';

const nothing = { raw: emptyObject, start: 0, end: 2, members: [], meta: undefined };
const hubInfo = '{"name":"hub"}' as RawJson;

interface Stage {
  readonly call: PassingCall;
  readonly log: string[];
  readonly sink: () => PassingSink;
  room: boolean;
  written: string;
}

function stage(options: { era?: 'modern' | 'legacy'; client?: 'modern' | 'legacy'; edits?: PassingEdits } = {}): Stage {
  const log: string[] = [];
  let sink: PassingSink | undefined;
  const source = {
    bytes: 0,
    start: (to: PassingSink) => void (sink = to),
    pause: () => void log.push('pause'),
    resume: () => void log.push('resume'),
    abort: (reason: string) => void log.push(`abort ${reason}`),
    onEnd: () => {},
  };
  const outcome = {
    kind: 'result' as const,
    result: nothing,
    era: options.era ?? 'modern',
    server: 'big',
    passing: { id: '7' as RawJson, source, edits: options.edits ?? {} },
  } satisfies ResultOutcome;
  const exchange = {
    method: 'resources/read',
    caller: { era: options.client ?? 'modern' },
    leg: { id: '"mine"' },
  } as unknown as Exchange;
  const call = new PassingCall(outcome, exchange, hubInfo, (reason) => log.push(`broken ${reason}`));
  const one: Stage = { call, log, sink: () => sink as PassingSink, room: true, written: '' };
  call.begin({
    write: (text) => {
      one.written += text;
      return one.room;
    },
    end: (text) => {
      one.written += text;
      log.push('end');
    },
    cut: () => void log.push('cut'),
  });
  return one;
}

const answer = (result: string, id = '7'): RawJson => `{"result":${result},"jsonrpc":"2.0","id":${id}}` as RawJson;

describe('what the client gets', () => {
  test.each([
    ['modern', 'modern', '"resultType":"complete","_meta":{"a":1}', { resultType: 'complete' }],
    ['legacy', 'modern', '"_meta":{"a":1}', { resultType: 'complete', ttlMs: 0, cacheScope: 'private' }],
    ['modern', 'modern', '"_meta":{"a":1}', { resultType: 'complete', ttlMs: 0, cacheScope: 'private' }],
    ['modern', 'legacy', '"resultType":"complete","_meta":{"a":1}', {}],
  ] as const)('%s server, %s client, %s: the edits of a held result', (era, client, members, added) => {
    const one = stage({ era, client });
    const text = answer(`{${members},"contents":[{"text":"x"}]}`);
    one.sink().data(text.slice(0, 30) as RawJson);
    one.sink().data(text.slice(30) as RawJson);
    one.sink().end();
    const info = client === 'modern' ? { 'io.modelcontextprotocol/serverInfo': { name: 'hub' } } : {};
    expect(JSON.parse(one.written)).toEqual({
      jsonrpc: '2.0',
      id: 'mine',
      result: { contents: [{ text: 'x' }], ...added, _meta: { a: 1, ...info, 'dev.quaymaster/upstream': 'big' } },
    });
    expect(one.log).toEqual(['end']);
  });
});

describe('pace', () => {
  test('HT-5.12 without room the server is paused, with room it goes on', () => {
    const one = stage();
    one.room = false;
    one.sink().data('{"result":{"contents":["' as RawJson);
    expect(one.log).toEqual(['pause']);
    one.room = true;
    one.call.resume();
    one.sink().data('x' as RawJson);
    expect(one.log).toEqual(['pause', 'resume']);
  });
});

describe('what breaks it off', () => {
  test.each([
    [answer('{"contents":[]}', '8'), 'it answered with another id'],
    [answer('{"resultType":"other","contents":[]}'), 'unknown resultType'],
    [answer('{"contents":[]}').slice(0, -1), 'the text ends too early'],
    ['{"result":{"contents":[}', 'expected a value'],
  ])('%s: the connection is cut, for what was said cannot be taken back', (text, reason) => {
    const one = stage();
    one.sink().data(text as RawJson);
    one.sink().end();
    one.sink().failed('late');
    expect(one.log).toEqual(['abort its reader is gone', `broken ${reason}`, 'cut']);
  });

  test('the server is lost', () => {
    const one = stage();
    one.sink().failed('connection reset');
    expect(one.log).toEqual(['abort its reader is gone', 'broken connection reset', 'cut']);
  });

  test('the client cancels, or is gone: the server is told once, and nothing is written any more', () => {
    const cancelled = stage();
    cancelled.call.cancel();
    cancelled.call.gone();
    expect(cancelled.log).toEqual(['abort its reader is gone', 'cut']);
    const gone = stage();
    gone.call.gone();
    gone.call.cancel();
    gone.call.resume();
    gone.sink().data(answer('{}'));
    gone.sink().end();
    expect(gone.log).toEqual(['abort its reader is gone']);
  });
});
