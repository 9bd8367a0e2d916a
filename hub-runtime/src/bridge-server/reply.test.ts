/** Answers over a real socket, without a child. */
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { hubError } from '../exchange/index.ts';
import type { RawJson } from '../wire/index.ts';
import { bridgeLimits } from './limits.ts';
import { Reply } from './reply.ts';
import { until } from './testing/bridge-world.ts';

const streams = new Set<Reply>();
let server: Server;
let url: string;
let serve: (reply: Reply) => void;

beforeEach(async () => {
  server = createServer((request, response) => serve(new Reply(request, response, { streams })));
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const message = '{"n":1}' as RawJson;

test('plain JSON when nothing came before; what comes after the end is dropped', async () => {
  serve = (reply) => {
    reply.head('X-One', '1');
    reply.answer(message, 200);
    reply.answer(message, 500);
    reply.notify(message);
    reply.empty(500);
    reply.keepAlive();
    reply.open();
  };
  const answer = await fetch(url);
  expect([answer.status, answer.headers.get('x-one'), await answer.text()]).toEqual([200, '1', message]);
});

test('a stream once something came before: notifications, signs of life, the answer', async () => {
  let ends = 0;
  serve = (reply) => {
    reply.onEnd = () => ends++;
    reply.notify(message);
    expect(streams.has(reply)).toBe(true);
    reply.keepAlive();
    reply.fail('7' as RawJson, hubError('QM_SERVER_FAILED', { server: 'a/b', reason: 'x' }));
  };
  const answer = await fetch(url);
  const text = await answer.text();
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
  expect(text.split('\n\n').map((one) => one.replace('event: message\n', '').slice(0, 12))).toEqual([
    'data: {"n":1',
    ': keep-alive',
    'data: {"json',
    '',
  ]);
  expect([streams.size, ends]).toEqual([0, 1]);
});

test('who takes no events gets the answer alone', async () => {
  serve = (reply) => {
    expect(reply.takesEvents).toBe(false);
    reply.notify(message);
    reply.answer(message, 200);
  };
  expect(await (await fetch(url, { headers: { accept: 'application/json' } })).text()).toBe(message);
});

test('EF-31 an error says by its status whether anything was executed', async () => {
  const codes = [
    'QM_SERVER_FAILED',
    'QM_OVERLOADED',
    'QM_SHUTTING_DOWN',
    'QM_SERVER_GONE',
    'QM_SESSION_NOT_FOUND',
  ] as const;
  const got: unknown[] = [];
  for (const code of codes) {
    serve = (reply) => reply.fail('1' as RawJson, hubError(code, {}));
    const answer = await fetch(url);
    await answer.text();
    got.push([answer.status, answer.headers.get('x-quaymaster-not-executed'), answer.headers.get('retry-after')]);
  }
  expect(got).toEqual([
    [503, '1', '1'],
    [503, '1', '1'],
    [503, '1', '1'],
    [200, null, null],
    [404, null, null],
  ]);
});

test('a caller that goes away is noticed once, before the answer only', async () => {
  let gone = 0;
  const replies: Reply[] = [];
  serve = (reply) => {
    replies.push(reply);
    reply.gone = () => gone++;
    reply.open();
  };
  const abort = new AbortController();
  await fetch(url, { signal: abort.signal });
  abort.abort();
  await until(() => gone === 1);
  expect(replies[0]?.done).toBe(true);
  replies[0]?.answer(message, 200);
  expect(gone).toBe(1);
});

test('a reader that does not read is cut at the bound', async () => {
  let sent = 0;
  let cut = false;
  const large = `{"x":"${'a'.repeat(256 * 1024)}"}` as RawJson;
  serve = (reply) => {
    reply.gone = () => (cut = true);
    while (!cut && sent < 200 * bridgeLimits.streamBufferBytes && sent / large.length < 200) {
      reply.notify(large);
      sent += large.length;
    }
  };
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write('GET / HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n');
  socket.pause();
  await until(() => cut);
  socket.destroy();
});
