/** Real children that listen on a port: small programs of the hub's own Node. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { silentLogger, systemClock } from '../base/index.ts';
import { ChildRegistry } from './child-registry.ts';
import { startListeningChild } from './listening-child.ts';

let folder: string;
let children: ChildRegistry;
const env = { PATH: process.env['PATH'] ?? '' };

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'qm-bridge-'));
  children = new ChildRegistry();
});

afterEach(async () => {
  await children.close(0);
  rmSync(folder, { recursive: true, force: true });
});

const listen = (port: number, delayMs: number) =>
  `setTimeout(() => require('net').createServer().listen(${port}, '127.0.0.1'), ${delayMs}); process.stdin.resume()`;
const open = (program: string, port: number, timeoutMs = 5_000, signal = new AbortController().signal) =>
  startListeningChild(
    { command: process.execPath, args: ['-e', program], env, cwd: folder },
    { host: '127.0.0.1', port, timeoutMs },
    { clock: systemClock, log: silentLogger, children },
    signal,
  );

test('a child is handed out when its port answers', async () => {
  const port = await freePort();
  const child = await open(listen(port, 50), port);
  expect(child.exit).toBeUndefined();
  await child.stop(0);
});

test('a port of somebody else is not mistaken for it', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => other.once('listening', resolve));
  const { port } = other.address() as { port: number };
  await expect(open('', port)).rejects.toMatchObject({ reason: 'PortInUse' });
  other.close();
});

test('one that exits is reported with its last words', async () => {
  await expect(open(`console.error('Error: bad flag'); process.exit(2)`, await freePort())).rejects.toMatchObject({
    reason: 'Exited',
    message: 'the server exited with code 2: Error: bad flag',
  });
});

test('its stdout is a log, too, and holds its last words when stderr is silent', async () => {
  const lines: string[] = [];
  const starting = startListeningChild(
    {
      command: process.execPath,
      args: ['-e', `console.log('Listening soon'); console.log('Fatal: no port')`],
      env,
      cwd: folder,
    },
    { host: '127.0.0.1', port: await freePort(), timeoutMs: 5_000 },
    { clock: systemClock, log: silentLogger, children, stderr: (line) => lines.push(line) },
    new AbortController().signal,
  );
  await expect(starting).rejects.toMatchObject({ message: 'the server exited with code 0: Fatal: no port' });
  expect(lines).toEqual(['Listening soon', 'Fatal: no port']);
});

test('one that never listens is ended in time', async () => {
  await expect(open('process.stdin.resume()', await freePort(), 80)).rejects.toMatchObject({
    reason: 'StartTimeout',
  });
  expect(children.size).toBe(0);
});

test('a start called off ends it', async () => {
  const abort = AbortSignal.timeout(50);
  await expect(open('process.stdin.resume()', await freePort(), 5_000, abort)).rejects.toMatchObject({
    reason: 'StartTimeout',
  });
  expect(children.size).toBe(0);
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
