import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import { type AddressInfo, createServer as createNetServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';

import { controlPath, type HubMessage, type OperatorMessage } from '@quaymaster/crds';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';

import type { ProcessLogger } from '../observe/index.ts';
import { type Replica, runReplica } from './run-replica.ts';
import { createTestAuthority, documentOf, mountOf, type TestMount } from './testing/index.ts';

let folder: string;
let mounts: Record<'config' | 'credentials' | 'sealing', TestMount>;
let operator: Server;
let heard: HubMessage[];
let sockets: WebSocket[];
let lines: string[];
let replica: Replica | undefined;
let ca: string;

beforeEach(async () => {
  const authority = await createTestAuthority();
  ({ ca } = authority);
  folder = mkdtempSync(path.join(tmpdir(), 'qm-replica-'));
  const at = (name: string) => path.join(folder, name);
  for (const name of ['config', 'credentials', 'sealing']) mkdirSync(at(name));
  mounts = { config: mountOf(at('config')), credentials: mountOf(at('credentials')), sealing: mountOf(at('sealing')) };
  writeFileSync(at('token'), 'token\n');
  [heard, sockets, lines] = [[], [], []];
  operator = createServer(await authority.issue('localhost'));
  new WebSocketServer({ server: operator, path: controlPath }).on('connection', (socket) => {
    sockets.push(socket);
    socket.on('message', (data: Buffer) => heard.push(JSON.parse(data.toString()) as HubMessage));
  });
  await new Promise<void>((resolve) => operator.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  await replica?.close('the test is over', 0);
  replica = undefined;
  operator.closeAllConnections();
  for (const socket of sockets) socket.terminate();
  await new Promise<void>((resolve) => operator.close(() => resolve()));
  rmSync(folder, { recursive: true, force: true });
});

function start(port = 0): Promise<Replica> {
  const at = (name: string) => path.join(folder, name);
  const note = (fields: object, message: string): void => void lines.push(`${message} ${JSON.stringify(fields)}`);
  const log = { level: 'silent', debug: note, info: note, warn: note, error: note, line: () => {}, dropped: () => 0 };
  return runReplica({
    version: '1.2.3',
    log: { ...log, flush: () => {}, child: () => log } as unknown as ProcessLogger,
    settings: {
      pod: { name: 'desk-hub-0', uid: 'uid-0', ip: '127.0.0.1' },
      hub: {
        version: 1,
        hub: 'default/desk',
        port,
        healthPort: 0,
        peerPort: 0,
        peers: 'localhost',
        configDirectory: at('config'),
        credentialsDirectory: at('credentials'),
        sealingDirectory: at('sealing'),
        control: { address: `localhost:${(operator.address() as AddressInfo).port}`, tokenFile: at('token') },
        drainMs: 1_000,
      },
    },
  });
}
const noServers = (generation: number, hosts: readonly string[] = []) => documentOf(generation, { servers: [], hosts });
const packed = (generation: number): Buffer => gzipSync(JSON.stringify(noServers(generation)));
const of = <T extends HubMessage['type']>(type: T) =>
  heard.filter((message): message is Extract<HubMessage, { type: T }> => message.type === type);
const say = (message: OperatorMessage): void => sockets.at(-1)!.send(JSON.stringify(message));
const get = async (what: string) => {
  const response = await fetch(`${replica!.health.replace('0.0.0.0', '127.0.0.1')}${what}`);
  return { status: response.status, text: await response.text() };
};

test('EF-57 from files to ready, then the operator: hello, acknowledgements, reports; it drains at its end', async () => {
  mounts.sealing.write({ current: randomBytes(32), previous: randomBytes(32) });
  mounts.config.write({ 'document.json.gz': packed(1), 'ca.crt': ca });
  replica = await start();
  await expect.poll(() => of('hello')).toHaveLength(1);
  expect(JSON.parse((await get('/readyz')).text)).toMatchObject({ problems: ['not told yet where servers are'] });
  expect(of('hello')[0]).toEqual({
    type: 'hello',
    protocol: 1,
    hub: 'default/desk',
    pod: { name: 'desk-hub-0', uid: 'uid-0', ip: '127.0.0.1' },
    version: '1.2.3',
    running: { hash: noServers(1).hash, generation: 1 },
  });
  say({ type: 'credentials', hash: 'c', values: {} });
  say({ type: 'endpoints', servers: {} });
  say({ type: 'peers', peers: [{ name: 'desk-hub-0', uid: 'uid-0', ip: '127.0.0.1' }] });
  await expect.poll(async () => (await get('/readyz')).status).toBe(200);
  say({ type: 'config', document: noServers(2, ['desk.example.com']) });
  say({ type: 'config', document: { ...noServers(3), hash: 'wrong' } });
  await expect
    .poll(() => of('ack').map(({ generation, ok }) => [generation, ok]))
    .toEqual([
      [2, true],
      [3, false],
    ]);
  await expect.poll(() => of('report').length).toBeGreaterThan(0);
  expect(of('report')[0]).toMatchObject({ tools: 0, servers: {}, load: { inFlight: 0, sessions: 0, streams: 0 } });
  expect(JSON.parse((await get('/statusz')).text)).toMatchObject({ generation: 2, operator: 'connected', ready: true });
  expect((await get('/metrics')).text).toContain('quaymaster_hub_control_connected{hub="default/desk"} 1');
  await replica.close('end of test', 200);
  await replica.closed;
  expect(lines.filter((line) => line.startsWith('draining'))).toEqual([
    'draining {"reason":"end of test","graceMs":200}',
  ]);
});

test('EF-57 it is ready when document and common key are there, whichever comes last', async () => {
  replica = await start();
  expect((await get('/livez')).status).toBe(200);
  expect((await get('/readyz')).status).toBe(503);
  mounts.config.write({ 'document.json.gz': packed(1) });
  await expect.poll(() => lines.some((line) => line.startsWith('configuration in force'))).toBe(true);
  expect((await get('/readyz')).status).toBe(503);
  mounts.sealing.write({ current: randomBytes(32) });
  await expect.poll(async () => (await get('/readyz')).status).toBe(200);
  expect(lines.some((line) => line.includes('no operator can be trusted'))).toBe(true);
});

test('EF-57 values that change without an operator are taken over', async () => {
  mounts.config.write({ 'document.json.gz': packed(1) });
  replica = await start();
  mounts.credentials.write({ a: '1' });
  await expect.poll(() => lines).toContainEqual('values behind references changed {"from":"mount"}');
});

test('a port that somebody has ends the start, and leaves nothing open', async () => {
  const holder = createNetServer();
  await new Promise<void>((resolve) => holder.listen(0, '0.0.0.0', resolve));
  await expect(start((holder.address() as AddressInfo).port)).rejects.toThrow('EADDRINUSE');
  await new Promise<void>((resolve) => holder.close(() => resolve()));
});
