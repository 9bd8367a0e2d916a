/** The judges of the attack can say no. */
import { describe, expect, test } from 'vitest';

import { createDice } from '../engine/random.ts';
import { readAnswer } from './raw-exchange.ts';
import { hostileRequest, modern, seedRequests, toBytes } from './requests.ts';
import { judgeAnswer, judgeCall } from './rules.ts';

const http = (status: number, body: string, type = 'application/json'): { text: string; closed: boolean } => ({
  text: `HTTP/1.1 ${status} X\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  closed: false,
});
const error = (code: string): string =>
  `{"jsonrpc":"2.0","id":7,"error":{"code":-32603,"message":"","data":{"code":"${code}"}}}`;
const frame = (text: string): { text: string; closed: boolean } => ({
  text: `HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\n\x81${String.fromCharCode(text.length)}${text}`,
  closed: false,
});

describe('an answer to hostile bytes', () => {
  test.each([
    ['silence', { text: '', closed: true }],
    ['a refusal', http(400, error('QM_BAD_JSON'))],
    ['overload', http(503, error('QM_OVERLOADED'))],
    ['a page of the router', http(400, '{"error":"Bad Request"}')],
    ['a result', http(200, '{"jsonrpc":"2.0","id":7,"result":{}}')],
    ['a stream that goes on', { text: 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n', closed: false }],
    ['a message on a socket', frame('{"jsonrpc":"2.0","id":1,"result":{}}')],
    ['half a message on a socket', { ...frame(''), text: 'HTTP/1.1 101 X\r\n\r\n\x81\x7e\x01' }],
  ])('%s is fine', (_what, answer) => {
    expect(() => judgeAnswer(answer)).not.toThrow();
  });

  test.each([
    ['no HTTP', { text: 'oops', closed: true }],
    ['a header that is none', { text: 'HTTP/1.1 200 OK\r\nX\r\n\r\n', closed: true }],
    ['a 500', http(500, error('QM_SERVER_GONE'))],
    ['a 503 without a reason', http(503, '{"jsonrpc":"2.0","error":{"code":1,"message":""}}')],
    ['a defect of its own', http(200, error('QM_INTERNAL'))],
    ['a body that is no JSON', http(200, '{')],
    ['a refusal without a code', http(400, '{"jsonrpc":"2.0","error":{"message":""}}')],
    ['a defect on a socket', frame(error('QM_INTERNAL').slice(0, 120))],
    ['a frame that is no UTF-8', frame('"\xff"')],
    ['a masked frame', { ...frame(''), text: 'HTTP/1.1 101 X\r\n\r\n\x81\x81\0\0\0\0x' }],
  ])('%s is a find', (_what, answer) => {
    expect(() => judgeAnswer(answer)).toThrow();
  });
});

describe('the answer to a call of a hostile server', () => {
  const events =
    'event: message\ndata: {"jsonrpc":"2.0","method":"n"}\n\ndata: {"jsonrpc":"2.0","id":7,"result":{}}\n\n';
  test.each([
    ['a result', http(200, '{"jsonrpc":"2.0","id":7,"result":{}}')],
    ['an error', http(200, error('QM_UPSTREAM_PROTOCOL'))],
    ['a stream', http(200, events, 'text/event-stream')],
  ])('%s is fine', (_what, answer) => {
    expect(() => judgeCall(answer, 7)).not.toThrow();
  });

  test.each([
    ['none', { text: '', closed: true }],
    ['half of one', { text: 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{', closed: true }],
    ['bytes that are no UTF-8', http(200, '{"jsonrpc":"2.0","id":7,"result":{"a":"\xff"}}')],
    ['that of another', http(200, '{"jsonrpc":"2.0","id":8,"result":{}}')],
    ['both', http(200, '{"jsonrpc":"2.0","id":7,"result":{},"error":{"code":1}}')],
    ['a stream without one', http(200, 'data: {"jsonrpc":"2.0","method":"n"}\n\n', 'text/event-stream')],
    ['a defect of the hub', http(200, error('QM_INTERNAL'))],
    [
      'a cookie of a server',
      {
        text: http(200, '{"jsonrpc":"2.0","id":7,"result":{}}').text.replace('\r\n', '\r\nSet-Cookie: a\r\n'),
        closed: false,
      },
    ],
  ])('%s is a find', (_what, answer) => {
    expect(() => judgeCall(answer, 7)).toThrow();
  });
});

test('answers in chunks are read whole', () => {
  const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
  expect(readAnswer(`${head}3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n`)).toMatchObject({ body: 'abcde', whole: true });
  expect(readAnswer(`${head}3\r\nabc\r\n`)).toMatchObject({ body: 'abc', whole: false });
});

test('requests are changed, and the same for the same seed', () => {
  const seeds = seedRequests('s');
  const game = (seed: number): string[] => {
    const dice = createDice(seed);
    return Array.from({ length: 200 }, () => hostileRequest(seeds, 1, dice));
  };
  expect(game(1)).toEqual(game(1));
  expect(new Set(game(1)).size).toBeGreaterThan(150);
  expect(toBytes(modern('tools/list', {}), 80)).toMatch(/^POST \/mcp HTTP\/1\.1\r\nHost: localhost:80\r\n/);
});
