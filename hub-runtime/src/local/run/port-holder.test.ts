import { createServer } from 'node:net';

import { expect, test } from 'vitest';

import { portHolder } from './port-holder.ts';

async function listening(): Promise<{ port: number; close(): Promise<unknown> }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { port: address.port, close: () => new Promise((resolve) => server.close(resolve)) };
}

test.runIf(process.platform === 'linux')('names the process that listens', async () => {
  const { port, close } = await listening();
  const holder = await portHolder(port);
  await close();
  expect(holder?.pid).toBe(process.pid);
  expect(holder?.command).not.toBe('');
  expect(await portHolder(port)).toBeUndefined();
});

test('where nothing can be seen nobody is named', async () => {
  expect(await portHolder(1, 'win32')).toBeUndefined();
  expect(await portHolder(1, 'darwin')).toBeUndefined();
});
