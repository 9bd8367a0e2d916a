import { createServer as createTcpServer, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';

import { configMaps, drive, until, useFakeApi, widgets } from '../testing/index.ts';
import { KubeError } from './index.ts';
import { failure } from './transport.fixture.ts';

const stage = useFakeApi([widgets, configMaps]);

describe('watches', () => {
  const watch = (over: object = {}, signal?: AbortSignal) =>
    stage.transport.watch(
      {
        path: '/apis/test.example/v1/widgets',
        query: { watch: true, resourceVersion: '0' },
        idleMs: () => 1000,
        onLine: () => {},
        ...over,
      },
      signal,
    );

  test('hands out lines, resolves at the end of the stream', async () => {
    const lines: string[] = [];
    const ended = watch({ onLine: (line: Buffer) => lines.push(line.toString()) });
    await until('open', () => stage.api.watches.size === 1);
    const [open] = stage.api.watches;
    open?.send('one\n\ntw');
    open?.send('o\nunfinished');
    open?.end();
    await ended;
    expect(lines).toEqual(['one', 'two']);
  });

  test('a refusal becomes a typed error, its text bounded', async () => {
    stage.api.intercept = () => ({ status: 403, body: { message: 'forbidden', reason: 'Forbidden' } });
    expect(await failure(watch())).toMatchObject({ status: 403, reason: 'Forbidden' });
    stage.api.intercept = () => ({ status: 500, text: 'x'.repeat(200_000) });
    expect((await failure(watch())).message.length).toBeLessThan(400);
  });

  test('half-open TCP behind a proxy that swallows everything is noticed', async () => {
    const sockets: Socket[] = [];
    const hole = createTcpServer((socket) => sockets.push(socket));
    await new Promise<void>((resolve) => {
      hole.listen(0, '127.0.0.1', resolve);
    });
    await stage.transport.close();
    stage.connect({
      endpoint: stage.api.endpoint({ server: `http://127.0.0.1:${(hole.address() as { port: number }).port}` }),
    });
    const waiting = failure(watch());
    await until('connected', () => sockets.length === 1);
    await drive(stage.clock, 'noticed', () => stage.clock.pending === 0, 1000);
    expect(await waiting).toMatchObject({ code: 'KUBE_TIMEOUT', reason: 'Silent' });
    for (const socket of sockets) socket.destroy();
    hole.close();
  });

  test('what a line handler throws ends the watch with that error', async () => {
    const waiting = failure(
      watch({
        onLine: () => {
          throw new KubeError('KUBE_PROTOCOL', 'odd line');
        },
      }),
    );
    await until('open', () => stage.api.watches.size === 1);
    for (const open of stage.api.watches) open.send('x\ny\n');
    expect((await waiting).message).toBe('odd line');
    await until('closed', () => stage.api.watches.size === 0);
  });
});
