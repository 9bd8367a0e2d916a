import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';

import { controlPath, type OperatorMessage } from '@quaymaster/crds';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';

import { createTestClock, type TestClock } from '../../base/index.ts';
import { createTestAuthority, type TestAuthority } from '../testing/index.ts';
import { type ControlStream, runStream, type StreamEnd, type StreamOptions } from './control-stream.ts';

let authority: TestAuthority;
let other: TestAuthority;
let server: Server;
let sockets: WebSocketServer;
let accepted: WebSocket[];
let headers: (string | undefined)[];
let clock: TestClock;
let abort: AbortController;

beforeAll(async () => {
  [authority, other] = await Promise.all([createTestAuthority(), createTestAuthority()]);
});

beforeEach(async () => {
  clock = createTestClock();
  abort = new AbortController();
  accepted = [];
  headers = [];
  server = createServer(await authority.issue('operator.example'));
  sockets = new WebSocketServer({ server, path: controlPath });
  sockets.on('connection', (socket, request) => {
    headers.push(request.headers.authorization);
    accepted.push(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  abort.abort();
  for (const socket of accepted) socket.terminate();
  sockets.close();
  server.closeAllConnections();
  await new Promise<void>((resolve) => server.close(() => resolve()));
});

interface Open {
  readonly ended: Promise<StreamEnd>;
  readonly messages: OperatorMessage[];
  readonly streams: ControlStream[];
}

function open(changes: Partial<StreamOptions> = {}): Open {
  const messages: OperatorMessage[] = [];
  const streams: ControlStream[] = [];
  const ended = runStream(
    {
      address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
      serverName: 'operator.example',
      access: { authority: authority.ca, token: 'token-1' },
      clock,
      onOpen: (stream) => streams.push(stream),
      onMessage: (message) => messages.push(message),
      ...changes,
    },
    abort.signal,
  );
  return { ended, messages, streams };
}

async function connected(
  changes: Partial<StreamOptions> = {},
): Promise<Open & { socket: WebSocket; received: string[] }> {
  const opened = open(changes);
  await expect.poll(() => accepted.length + opened.streams.length).toBe(2);
  const received: string[] = [];
  accepted[0]!.on('message', (data: Buffer) => received.push(data.toString()));
  return { ...opened, socket: accepted[0]!, received };
}

test('it shows its token, speaks and listens', async () => {
  const { socket, streams, messages, received, ended } = await connected();
  expect(headers).toEqual(['Bearer token-1']);
  streams[0]!.send({ type: 'ack', hash: 'h', generation: 1, ok: true });
  await expect.poll(() => received).toEqual(['{"type":"ack","hash":"h","generation":1,"ok":true}']);
  socket.send('{"type":"of the future"}');
  socket.send('{"type":"peers","peers":[]}');
  await expect.poll(() => messages).toEqual([{ type: 'peers', peers: [] }]);
  socket.close(1001, 'bye');
  expect(await ended).toEqual({ code: 1001, reason: 'bye', served: true });
  streams[0]!.send({ type: 'ack', hash: 'late', generation: 1, ok: true });
  expect(clock.pending).toBe(0);
});

describe('who is not the operator hears no token', () => {
  test.each<[string, () => Partial<StreamOptions>, RegExp]>([
    ['another authority', () => ({ access: { authority: other.ca, token: 't' } }), /certificate/],
    ['another name', () => ({ serverName: 'evil.example' }), /altnames|Host/],
    ['an address it does not name', () => ({ serverName: '127.0.0.1' }), /IP/],
    ['no certificate at all', () => ({ access: { authority: 'nothing', token: 't' } }), /certificate|PEM|self-signed/i],
  ])('%s', async (_what, changes, why) => {
    const end = await open(changes()).ended;
    expect(end).toMatchObject({ code: 1006, served: false, reason: expect.stringMatching(why) });
    expect(headers).toEqual([]);
  });
});

test('what cannot be dialled is an end like any other', async () => {
  const broken = { authority: authority.ca, token: 'a\nb' };
  const end = await open({ access: broken }).ended;
  expect(end).toMatchObject({ code: 1006, served: false });
  expect(end.reason).not.toContain('a\nb');
  expect(await open({ address: 'no port:x' }).ended).toMatchObject({ code: 1006 });
  abort.abort();
  expect(await open().ended).toEqual({ code: 1006, reason: 'given up', served: false });
  expect(clock.pending).toBe(0);
});

describe('frames', () => {
  test.each<[string, string | Buffer, string]>([
    ['no JSON', '{', 'not JSON'],
    ['half a message', '{"type":"config"}', 'a config message lacks something'],
    ['binary', Buffer.from('{}'), 'a frame is text'],
  ])('%s ends the stream', async (_what, frame, reason) => {
    const { socket, messages, ended } = await connected();
    const closed = new Promise<number>((resolve) => socket.once('close', resolve));
    socket.send(frame);
    socket.send('{"type":"peers","peers":[]}');
    expect(await closed).toBe(4008);
    expect(await ended).toMatchObject({ code: 4008, reason });
    expect(messages).toEqual([]);
  });

  test('EF-57 a document of a later release is refused by its name, and the stream stays', async () => {
    const { socket, messages } = await connected();
    const answer = new Promise<unknown>((resolve) => {
      socket.once('message', (data) => resolve(JSON.parse((data as Buffer).toString('utf8'))));
    });
    socket.send(JSON.stringify({ type: 'config', document: { version: 2, generation: 9, hash: 'h', plan: {} } }));
    expect(await answer).toEqual({
      type: 'ack',
      hash: 'h',
      generation: 9,
      ok: false,
      message: 'version 2 of the document is of a later release than this hub, which knows version 1',
    });
    socket.send('{"type":"peers","peers":[],"more":1}');
    await expect.poll(() => messages).toEqual([{ type: 'peers', peers: [], more: 1 }]);
  });

  test('one that is too large is not read', async () => {
    const { socket, ended } = await connected();
    socket.send(`"${'x'.repeat(16 * 1_024 * 1_024)}"`);
    expect(await ended).toMatchObject({ reason: 'Max payload size exceeded', served: false });
  });
});

describe('silence', () => {
  test('it asks for a sign of life every 10 s; 25 s without any, the stream is dead', async () => {
    const { socket, ended } = await connected();
    let pings = 0;
    socket.on('ping', () => pings++);
    for (let second = 0; second < 40; second++) {
      await clock.advance(1_000);
      // The answer needs the network.
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    expect(pings).toBeGreaterThanOrEqual(3);
    (socket as unknown as { _socket: { pause(): void } })._socket.pause();
    await clock.advance(26_000);
    expect(await ended).toMatchObject({ code: 1006, reason: 'nothing heard for 25000 ms' });
  });

  test('an end that is not answered is cut', async () => {
    const { socket, ended } = await connected();
    (socket as unknown as { _socket: { pause(): void } })._socket.pause();
    abort.abort();
    await clock.advance(1_000);
    expect(await ended).toMatchObject({ served: false });
    expect(clock.pending).toBe(0);
  });
});
