/** Which transport a target gets, and processes that listen on HTTP themselves: real children, real sockets. */
import { createServer } from 'node:net';
import { expect, test } from 'vitest';

import { silentLogger, systemClock } from '../base/index.ts';
import type { ServerTarget } from '../exchange/index.ts';
import { memberRaw, type RawJson } from '../wire/index.ts';
import { connectorFor } from './connectors.ts';
import { ConnectError, type ConnectRequest } from './conversation.ts';
import { createUpstream } from './create-upstream.ts';
import { eventually, makeCall, resultOf, serverConfig, upstreamDeps } from './testing/index.ts';

const httpServer = `
const { createServer } = require('node:http');
createServer((request, response) => {
  let text = '';
  request.on('data', (chunk) => (text += chunk));
  request.on('end', () => {
    const { id, method } = JSON.parse(text);
    if (method === 'crash') process.exit(3);
    const result = method === 'server/discover'
      ? { resultType: 'complete', supportedVersions: ['2026-07-28'], capabilities: { tools: {} } }
      : { resultType: 'complete', tools: [], pid: process.pid };
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ jsonrpc: '2.0', id, result }));
  });
}).listen(Number(process.env.PORT), '127.0.0.1');
console.error('listening soon');
`;

const stdioServer = `
const lines = require('node:readline').createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const { id, method } = JSON.parse(line);
  if (id === undefined) return;
  const result = method === 'server/discover'
    ? { resultType: 'complete', supportedVersions: ['2026-07-28'], capabilities: { tools: {} } }
    : { resultType: 'complete', tools: [{ name: 'echo' }], pid: process.pid };
  console.log(JSON.stringify({ jsonrpc: '2.0', id, result }));
});
`;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function listening(port: number, code = httpServer): ServerTarget {
  const process_ = { command: process.execPath, args: ['-e', code], env: { PORT: String(port) }, cwd: undefined };
  return { kind: 'http', url: `http://127.0.0.1:${port}/mcp`, headers: {}, process: process_ };
}

const primary: ConnectRequest = { purpose: 'primary', caller: undefined, verdict: undefined };
const signal = new AbortController().signal;

test('EF-31 a process that listens itself comes up with its conversation, and back after a crash', async () => {
  const words: string[] = [];
  const deps = upstreamDeps(listening(await freePort()), { serverLog: (key, line) => words.push(`${key} ${line}`) });
  const upstream = createUpstream(serverConfig(), deps);
  await upstream.wake(5_000);
  expect(upstream.state).toMatchObject({ phase: 'Ready', pid: expect.any(Number) });
  const { pid } = upstream.state;
  const one = makeCall('tools/call', { name: 'a' });
  expect(resultOf(await upstream.lane(one.caller).send(one.call))).toMatchObject({ pid });
  const crash = makeCall('crash', {});
  expect(await upstream.lane(crash.caller).send(crash.call)).toMatchObject({ errorCode: 'QM_SERVER_GONE' });
  const next = makeCall('tools/call', { name: 'b' });
  await eventually(() => upstream.state.phase !== 'Ready' || upstream.state.restarts > 0, 'the crash is noticed');
  expect(resultOf(await upstream.lane(next.caller).send(next.call))['pid']).not.toBe(pid);
  expect(words).toContain('default/files listening soon');
  await upstream.stop(0);
  expect(deps.children.size).toBe(0);
  deps.http.close();
});

test('its processes are counted as its own, and its end is told also to who asks late', async () => {
  const deps = upstreamDeps(listening(0));
  const conversation = await connectorFor(listening(await freePort()), () => serverConfig(), deps).connect(
    primary,
    signal,
  );
  expect([...deps.children.byServer()]).toEqual([['default/files', 1]]);
  void conversation.send(makeCall('crash', {}).call);
  await eventually(() => deps.children.size === 0, 'it is gone');
  const ends: unknown[] = [];
  conversation.onClosed((end) => ends.push(end));
  await eventually(() => ends.length === 1, 'its end is told');
  expect(ends).toMatchObject([{ reason: expect.stringMatching(/^(Exited|Unreachable|ConnectionLost)$/) }]);
  deps.http.close();
});

test('HT-0.10 a hub that listens as a process of ours is asked again what it offers', async () => {
  const hub = httpServer.replace(
    'capabilities: { tools: {} }',
    "capabilities: { asked: ++asked, tools: {}, extensions: { 'dev.quaymaster/hub': { id: 'a~0a1b2c3d' } } }",
  );
  const deps = upstreamDeps(listening(0));
  const target = listening(await freePort(), `let asked = 0;${hub}`);
  const conversation = await connectorFor(target, () => serverConfig(), deps).connect(primary, signal);
  const asked = (): unknown => memberRaw(conversation.capabilities, 'asked');
  expect(asked()).toBe('1');
  await conversation.refresh?.(1_000);
  expect(asked()).toBe('2');
  await conversation.close('end of test');
  deps.http.close();
});

test('conversations of clients use the process that runs; closing the primary ends it', async () => {
  const deps = upstreamDeps(listening(0));
  const target = listening(await freePort());
  const connector = connectorFor(target, () => serverConfig(), deps);
  const conversation = await connector.connect(primary, signal);
  const client = await connector.connect({ ...primary, purpose: 'client' }, signal);
  expect([conversation.pid === undefined, client.pid, deps.children.size]).toEqual([false, undefined, 1]);
  expect(conversation).toMatchObject({
    era: 'modern',
    revision: '2026-07-28',
    serverInfo: undefined,
    instructions: undefined,
    inFlight: 0,
  });
  expect(conversation.capabilities.members).toHaveLength(1);
  const heard: string[] = [];
  conversation.onNotification((method) => heard.push(method));
  conversation.onClosed((end) => heard.push(end.reason));
  conversation.notify?.('notifications/x', '{}' as RawJson);
  expect(await conversation.request('tools/list', '{}' as RawJson, 1_000)).toMatchObject({ kind: 'result' });
  await Promise.all([client.close('done'), conversation.close('done')]);
  expect([deps.children.size, heard]).toEqual([0, []]);
  deps.http.close();
});

test('a process that does not start, or does not speak MCP, leaves nothing behind', async () => {
  const port = await freePort();
  const cases: [string, string][] = [
    ['process.exit(4)', 'Exited'],
    [`require('node:http').createServer((q, r) => r.end('hello')).listen(${port}, '127.0.0.1')`, 'HandshakeFailed'],
  ];
  for (const [code, reason] of cases) {
    const deps = upstreamDeps(listening(port, code));
    const connector = connectorFor(listening(port, code), () => serverConfig(), deps);
    const error: unknown = await connector.connect(primary, signal).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConnectError);
    expect(error).toMatchObject({ reason });
    expect(deps.children.size).toBe(0);
    deps.http.close();
  }
});

test('a stdio target gets a child; its stderr goes to the log of the server', async () => {
  const target: ServerTarget = {
    kind: 'stdio',
    command: process.execPath,
    args: ['-e', stdioServer],
    env: {},
    cwd: undefined,
  };
  const deps = upstreamDeps(target, { log: silentLogger, clock: systemClock, serverLog: () => {} });
  const upstream = createUpstream(serverConfig({ source: { kind: 'command', command: 'node', args: [] } }), deps);
  await upstream.wake(5_000);
  expect(upstream.state).toMatchObject({ phase: 'Ready', message: 'speaks 2026-07-28; 1 tool' });
  const one = makeCall('tools/call', { name: 'echo' });
  expect(resultOf(await upstream.lane(one.caller).send(one.call))).toMatchObject({ pid: upstream.state.pid });
  await upstream.stop(0);
  expect(deps.children.size).toBe(0);
});

test('what a process says is told line by line, and where it runs follows from its target', async () => {
  const words: string[] = [];
  const serverLog = (key: string, line: string): void => void words.push(`${key} ${line}`);
  const deps = upstreamDeps(listening(0), { serverLog });
  const target: ServerTarget = {
    kind: 'stdio',
    command: process.execPath,
    args: ['-e', `console.error('here'); ${stdioServer}`],
    env: {},
    cwd: undefined,
  };
  const child = await connectorFor(target, () => serverConfig(), deps).connect(primary, signal);
  expect(child).toMatchObject({ transport: 'stdio', era: 'modern' });
  await eventually(() => words.includes('default/files here'), 'its word is told');
  await child.close('end of test');
  // Nobody listens there: which way was tried is what counts.
  const nowhere: ServerTarget = { kind: 'http', url: 'ws://127.0.0.1:1/', headers: {} };
  const socket = connectorFor(nowhere, () => serverConfig({ transport: 'websocket' }), deps);
  await expect(socket.connect(primary, signal)).rejects.toMatchObject({ reason: 'Unreachable' });
  deps.http.close();
});

test('EF-31 a call that comes when its process has just died is not lost with it', async () => {
  const deps = upstreamDeps(listening(await freePort()));
  const upstream = createUpstream(serverConfig(), deps);
  await upstream.wake(5_000);
  const { pid = 0 } = upstream.state;
  const hanging = makeCall('crash', {});
  const lost = upstream.lane(hanging.caller).send(hanging.call);
  expect(await lost).toMatchObject({ errorCode: 'QM_SERVER_GONE' });
  const gone = (): boolean => {
    try {
      return !process.kill(pid, 0);
    } catch {
      return true;
    }
  };
  await eventually(gone, 'its port is closed');
  const next = makeCall('tools/call', { name: 'b' });
  expect(resultOf(await upstream.lane(next.caller).send(next.call))['pid']).not.toBe(pid);
  await upstream.stop(0);
  deps.http.close();
});
