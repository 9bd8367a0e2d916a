/** What one socket does when its reader, its writer or its hub go at different speeds; sockets themselves are tested at the listener. */
import { EventEmitter } from 'node:events';

import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';

import type { RawJson } from '../../wire/index.ts';
import { FakeHub, limitedConfig, testEdge } from '../fake-hub.ts';
import { HubEdge } from '../hub-edge.ts';
import { SocketClient } from './socket-client.ts';

type SendDone = () => void;

/** Takes what it is sent, and gives it on when the test says so. */
class FakeSocket extends EventEmitter {
  readyState: number = WebSocket.OPEN;
  bufferedAmount = 0;
  paused = false;
  terminated = false;
  pings = 0;
  closedWith: number | undefined;
  readonly sent: { id?: unknown; method?: string; error?: unknown }[] = [];
  readonly #waiting: { bytes: number; done: SendDone }[] = [];

  send(data: Buffer, _options: object, done: SendDone): void {
    this.sent.push(JSON.parse(data.toString('utf8')) as { id: unknown });
    this.bufferedAmount += data.length;
    this.#waiting.push({ bytes: data.length, done });
  }

  /** The reader takes this many messages. */
  drain(count = Infinity): void {
    for (const { bytes, done } of this.#waiting.splice(0, count)) {
      this.bufferedAmount -= bytes;
      done();
    }
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  ping(): void {
    this.pings++;
  }

  close(code: number): void {
    this.closedWith = code;
    this.readyState = WebSocket.CLOSING;
  }

  terminate(): void {
    this.terminated = true;
    this.readyState = WebSocket.CLOSED;
  }

  says(message: unknown): void {
    this.emit('message', Buffer.from(typeof message === 'string' ? message : JSON.stringify(message)), false);
  }
}

const bufferBytes = 200;
const ping = (id: number) => ({ jsonrpc: '2.0', id, method: 'ping' });
const note = '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}' as RawJson;

function setUp() {
  const hub = new FakeHub(limitedConfig({ streamBufferBytes: bufferBytes }));
  const rig = testEdge();
  const edge = new HubEdge(hub, rig.deps);
  const socket = new FakeSocket();
  const client = new SocketClient(edge, socket as unknown as WebSocket);
  const ids = (): unknown[] => socket.sent.map(({ id }) => id);
  return { ...rig, hub, hubEdge: edge, socket, client, ids };
}

describe('a reader that does not keep up', () => {
  test('what had been read before the pause waits, keeps its order, and goes on as there is room', () => {
    const { socket, ids } = setUp();
    for (let id = 1; id <= 20; id++) socket.says(ping(id));
    const answered = ids().length;
    expect(socket.paused).toBe(true);
    expect(answered).toBeLessThan(20);
    // A little room is none: it goes on at half.
    socket.drain(1);
    expect([ids().length, socket.paused]).toEqual([answered, true]);
    for (let round = 0; round < 50 && ids().length < 20; round++) socket.drain(1);
    expect(ids()).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
    socket.drain();
    expect(socket.paused).toBe(false);
  });

  test('it is paused again when what waited fills it again', () => {
    const { socket, ids } = setUp();
    for (let id = 1; id <= 40; id++) socket.says(ping(id));
    const before = ids().length;
    socket.drain();
    expect(ids().length).toBeGreaterThan(before);
    expect(ids().length).toBeLessThan(40);
    expect(socket.paused).toBe(true);
  });

  test('while it is paused nobody asks for a sign of life, which may be among what was not read', () => {
    const { client, socket } = setUp();
    for (let id = 1; id <= 20; id++) socket.says(ping(id));
    client.keepAlive(3_600_000, 15_000);
    expect([socket.pings, socket.terminated]).toEqual([0, false]);
  });

  test('notifications beyond the bound are dropped and counted, answers are not', () => {
    const { client, socket, counted } = setUp();
    let told = 0;
    while (client.notify(note)) told++;
    expect(told).toBe(Math.floor(bufferBytes / note.length) + 1);
    expect(counted.get('droppedNotifications default/desk')).toBe(1);
    client.answer('{"jsonrpc":"2.0","id":1,"result":{}}' as RawJson);
    expect(socket.sent.at(-1)).toMatchObject({ id: 1 });
  });
});

describe('the end', () => {
  test('what comes or goes after it is nothing, however often it ends', () => {
    const { client, hubEdge, socket } = setUp();
    expect([hubEdge.streams, hubEdge.attached.size, hubEdge.kept.size]).toEqual([1, 1, 1]);
    client.leave();
    expect(socket.closedWith).toBe(1012);
    expect([hubEdge.streams, hubEdge.attached.size, hubEdge.kept.size]).toEqual([0, 0, 0]);
    client.leave();
    socket.emit('close');
    socket.says(ping(1));
    client.answer(note);
    expect(client.notify(note)).toBe(false);
    expect([socket.sent, hubEdge.streams]).toEqual([[], 0]);
  });

  test('a client that does not say goodbye is left after a moment', async () => {
    const { client, clock, socket } = setUp();
    client.leave();
    await clock.advance(1_999);
    expect(socket.terminated).toBe(false);
    await clock.advance(1);
    expect(socket.terminated).toBe(true);
  });

  test('what waited for a reader that is gone is not served any more', () => {
    const { client, socket, ids } = setUp();
    for (let id = 1; id <= 20; id++) socket.says(ping(id));
    const answered = ids().length;
    client.leave();
    socket.drain();
    expect(ids()).toHaveLength(answered);
  });

  test('a broken socket breaks nothing else', () => {
    const { hubEdge, socket } = setUp();
    socket.emit('error', new Error('broken'));
    expect(hubEdge.attached.size).toBe(1);
    socket.emit('close');
    expect(hubEdge.attached.size).toBe(0);
  });
});
