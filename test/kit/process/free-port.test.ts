import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';

import { freePort } from './free-port.ts';

test('a free port is one on which a program can listen, and not one that the system gives out by itself', async () => {
  const port = await freePort();
  expect(port).toBeLessThan(30_000);
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  // Taken now: the next choice is looked at, and there is none for ever.
  const next = await freePort();
  const choices = [port, port, next];
  expect(await freePort('127.0.0.1', () => choices.shift() ?? 0)).toBe(next);
  await expect(freePort('127.0.0.1', () => port)).rejects.toThrow('are taken');
  server.close();
});
