/** One WebSocket as a pipe of messages, over a real one. */
import { type AddressInfo, createServer as createNetServer } from 'node:net';
import { describe, expect, test } from 'vitest';

import { createTestClock, systemClock } from '../../base/index.ts';
import type { RawJson } from '../../wire/index.ts';
import { eventually, refusal } from '../testing/index.ts';
import { openSocketPipe, socketLimits, type SocketPipeOptions } from './socket-pipe.ts';
import { legacy, useSockets } from './sockets.fixture.ts';

const sockets = useSockets();

describe('a pipe over a WebSocket', () => {
  const never = (): AbortSignal => new AbortController().signal;
  const dial = async (target: string, change: Partial<SocketPipeOptions> = {}, signal = never()) =>
    openSocketPipe(
      {
        url: new URL(target),
        address: undefined,
        headers: [],
        connectMs: 5_000,
        maxBytes: 1_000_000,
        clock: systemClock,
        ...change,
      },
      signal,
    );
  /** Takes connections and says nothing. */
  const mute = async (): Promise<string> => {
    const http = createNetServer();
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    sockets.cleanups.push(() => http.close());
    return `ws://127.0.0.1:${(http.address() as AddressInfo).port}/`;
  };
  const message = '{"jsonrpc":"2.0","method":"x"}' as RawJson;

  test('a server that takes the connection and completes nothing is given up in time', async () => {
    const clock = createTestClock();
    const opening = refusal(dial(await mute(), { clock }));
    await clock.advance(5_000);
    expect(await opening).toMatchObject({ reason: 'Unreachable', message: expect.stringContaining('in time') });
    expect(clock.pending).toBe(0);
  });

  test('given up before it began, and on its way', async () => {
    const url = await mute();
    expect(await refusal(dial(url, {}, AbortSignal.abort()))).toMatchObject({ message: 'given up' });
    const abort = new AbortController();
    const opening = refusal(dial(url, {}, abort.signal));
    abort.abort();
    expect(await opening).toMatchObject({ message: 'given up' });
  });

  test('headers that are no headers', async () => {
    expect(await refusal(dial(await mute(), { headers: ['x\n', 'y'] }))).toMatchObject({
      reason: 'StartFailed',
      retryable: false,
    });
  });

  test('what was said before anybody listened is not lost; what nobody can hear is not taken', async () => {
    const server = await sockets.serve(legacy);
    const pipe = await dial(server.url);
    await eventually(() => server.sockets.length === 1, 'the server knows');
    server.sockets[0]?.send(message);
    await eventually(() => server.sockets[0]?.bufferedAmount === 0, 'it is said');
    const heard: string[] = [];
    pipe.onMessage(({ raw }) => heard.push(raw));
    await eventually(() => heard.length === 1, 'it is heard');
    expect(pipe.write(message)).toBe(true);
    await pipe.stop();
    expect([pipe.writable, pipe.write(message)]).toEqual([false, false]);
    const ends: unknown[] = [];
    pipe.onExit((end) => ends.push(end));
    expect(ends).toEqual([{ reason: 'Stopped', message: 'the conversation was ended' }]);
    // Twice is as good as once.
    await pipe.stop();
  });

  test('a server that does not say goodbye is left after a moment', async () => {
    const clock = createTestClock();
    const server = await sockets.serve(legacy);
    const pipe = await dial(server.url, { clock });
    await eventually(() => server.sockets.length === 1, 'the server knows');
    server.sockets[0]?.pause();
    const stopping = pipe.stop();
    await clock.advance(socketLimits.goodbyeMs);
    await stopping;
    expect(clock.pending).toBe(0);
  });

  test('any sign of life answers a ping', async () => {
    const clock = createTestClock();
    const server = await sockets.serve(legacy);
    const pipe = await dial(server.url, { clock });
    let heard = 0;
    pipe.onMessage(() => heard++);
    for (let round = 1; round <= 3; round++) {
      await clock.advance(socketLimits.pingMs);
      server.sockets[0]?.send(message);
      await eventually(() => heard === round, 'it said something');
    }
    expect(pipe.exit).toBeUndefined();
    await clock.advance(2 * socketLimits.pingMs);
    expect(pipe.exit).toMatchObject({ reason: 'ConnectionLost' });
  });
});
