/** WebSocket toward clients, over real sockets. */
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';

import { rawOf } from '../../wire/index.ts';
import { FakeHub, limitedConfig, textResult } from '../fake-hub.ts';
import { enveloped, gated, initialize, type Rig, startRig } from './test-http.ts';

const served = { transports: { sse: false, websocket: true } };
const withSockets = (extra = {}) => new FakeHub({ ...served, ...extra });

// oxlint-disable-next-line typescript/no-explicit-any
type Heard = any;

interface Client {
  readonly socket: WebSocket;
  readonly heard: Heard[];
  readonly closed: Promise<number>;
  say(message: unknown): void;
  ask(method: string, params?: unknown, id?: unknown): Promise<Heard>;
}

const sockets: WebSocket[] = [];
afterEach(() => {
  for (const one of sockets.splice(0)) one.terminate();
});

function dial(
  rig: Rig,
  options: { path?: string; protocol?: string; headers?: Record<string, string> } = {},
): WebSocket {
  const { path = '/mcp', protocol = 'mcp', headers = {} } = options;
  const url = `ws://127.0.0.1:${rig.listener.port}${path}`;
  const socket = new WebSocket(url, protocol === '' ? [] : [protocol], { headers });
  sockets.push(socket);
  socket.on('error', () => {});
  return socket;
}

async function open(rig: Rig, options: Parameters<typeof dial>[1] = {}): Promise<Client> {
  const socket = dial(rig, options);
  const heard: Heard[] = [];
  socket.on('message', (data: Buffer) => heard.push(JSON.parse(data.toString('utf8'))));
  const closed = new Promise<number>((resolve) => socket.once('close', (code) => resolve(code)));
  await new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  const say = (message: unknown): void => socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  return {
    socket,
    heard,
    closed,
    say,
    ask: async (method, params, id = method) => {
      say({ jsonrpc: '2.0', id, method, params });
      await expect.poll(() => heard.some((one) => one.id === id)).toBe(true);
      return heard.find((one) => one.id === id);
    },
  };
}

const initialized = async (rig: Rig): Promise<Client> => {
  const client = await open(rig);
  await client.ask('initialize', (initialize.body as { params: unknown }).params);
  return client;
};

const refused = async (rig: Rig, options: Parameters<typeof dial>[1] = {}): Promise<number> =>
  new Promise((resolve, reject) => {
    const socket = dial(rig, options);
    socket.once('open', () => reject(new Error('it was accepted')));
    socket.once('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0));
  });

describe('HT-0.14 a client on a WebSocket', () => {
  test('of the older era', async () => {
    await using rig = await startRig(withSockets());
    const client = await initialized(rig);
    expect(client.socket.protocol).toBe('mcp');
    expect(client.socket.extensions).toBe('');
    const answer = await client.ask('tools/call', { name: 'a' }, 7);
    expect(answer.result.content[0].text).toBe('did tools/call');
    expect(rig.hub.calls[0]?.caller).toMatchObject({ era: 'legacy', revision: '2025-11-25' });
    rig.hub.changeLists('tools');
    await expect.poll(() => client.heard.at(-1)?.method).toBe('notifications/tools/list_changed');
  });

  test('of 2026-07-28, with a subscription', async () => {
    await using rig = await startRig(withSockets());
    const client = await open(rig);
    const discovered = await client.ask('server/discover', { _meta: enveloped() });
    expect(discovered.result.supportedVersions).toEqual(['2026-07-28']);
    client.say({
      jsonrpc: '2.0',
      id: 's',
      method: 'subscriptions/listen',
      params: { notifications: { toolsListChanged: true }, _meta: enveloped() },
    });
    await expect.poll(() => client.heard.at(-1)?.method).toBe('notifications/subscriptions/acknowledged');
    rig.hub.changeLists('tools');
    await expect.poll(() => client.heard.at(-1)?.method).toBe('notifications/tools/list_changed');
    expect((await client.ask('tools/call', { name: 'a', _meta: enveloped() }, 1)).result.resultType).toBe('complete');
    client.socket.close();
    await client.closed;
    await expect.poll(() => rig.hub.listeners).toBe(1);
  });

  test('questions and progress of a call', async () => {
    await using rig = await startRig(withSockets());
    rig.hub.answer = async ({ leg }) => {
      leg.notify(
        rawOf({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: 'p', progress: 1 } }),
      );
      const answer = await leg.ask?.({ method: 'roots/list', params: rawOf({}), cancellation: leg.cancellation });
      return textResult(JSON.stringify(answer));
    };
    const client = await initialized(rig);
    const asking = client.ask('tools/call', { name: 'a', _meta: { progressToken: 'p' } });
    await expect.poll(() => client.heard.find((one) => one.method === 'roots/list')).toBeDefined();
    client.say({ jsonrpc: '2.0', id: client.heard.at(-1).id, result: { roots: [] } });
    expect((await asking).result.content[0].text).toContain('roots');
  });

  test('messages that are none are answered as on a pipe, and end nothing', async () => {
    await using rig = await startRig(withSockets());
    const client = await initialized(rig);
    client.say('{');
    await expect.poll(() => client.heard.at(-1)?.error?.code).toBe(-32700);
    client.say('');
    await expect.poll(() => client.heard.length).toBe(3);
    expect((await client.ask('ping', undefined, 1)).result).toEqual({});
  });

  test('EF-29 two clients with equal ids', async () => {
    await using rig = await startRig(withSockets());
    rig.hub.answer = async ({ caller }) => textResult(String(caller.session?.id));
    const [one, two] = [await initialized(rig), await initialized(rig)];
    const both = await Promise.all([one.ask('tools/call', { name: 'a' }, 1), two.ask('tools/call', { name: 'a' }, 1)]);
    expect(both[0].result.content[0].text).not.toBe(both[1].result.content[0].text);
  });

  test('its end ends all that was its', async () => {
    await using rig = await startRig(withSockets());
    const gate = gated(rig);
    const client = await initialized(rig);
    client.say({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'a' } });
    await expect.poll(() => rig.hub.calls.length).toBe(1);
    client.socket.terminate();
    await expect.poll(() => rig.hub.calls[0]?.leg.cancellation.reason).toBe('client-gone');
    expect(rig.hub.endedSessions).toHaveLength(1);
    gate.release();
  });
});

describe('who gets in', () => {
  test('nobody where the manifest does not say so: an upgrade is a request like any other', async () => {
    await using rig = await startRig(new FakeHub());
    expect(await refused(rig)).toBe(400);
    await using sse = await startRig(new FakeHub({ transports: { sse: true, websocket: false } }));
    expect(await refused(sse)).toBe(400);
  });

  test('HS-07 no foreign page and no foreign host', async () => {
    await using rig = await startRig(withSockets());
    expect(await refused(rig, { headers: { origin: 'https://attacker.example' } })).toBe(403);
    expect(await refused(rig, { headers: { host: 'attacker.example' } })).toBe(403);
    expect(await refused(rig, { headers: { origin: 'null' } })).toBe(403);
    await open(rig, { headers: { origin: `http://127.0.0.1:${rig.listener.port}` } });
    expect(rig.edge.counted.get('refusedRequests QM_BAD_ORIGIN')).toBe(2);
  });

  test('only who speaks the subprotocol', async () => {
    await using rig = await startRig(withSockets());
    expect(await refused(rig, { protocol: '' })).toBe(400);
    expect(await refused(rig, { protocol: 'chat' })).toBe(400);
    expect(await refused(rig, { path: '/other' })).toBe(404);
  });

  test('as many as there may be streams', async () => {
    await using rig = await startRig(withSockets(limitedConfig({ streams: 1 })));
    const first = await open(rig);
    expect(await refused(rig)).toBe(503);
    first.socket.close();
    await first.closed;
    await expect
      .poll(async () =>
        open(rig).then(
          () => true,
          () => false,
        ),
      )
      .toBe(true);
  });

  test('too many headers, a URL without end, an upgrade that is broken', async () => {
    await using rig = await startRig(withSockets());
    const many = Object.fromEntries(Array.from({ length: 120 }, (_, n) => [`x-${n}`, '1']));
    expect(await refused(rig, { headers: many })).toBe(431);
    expect(await refused(rig, { path: `/mcp?${'x'.repeat(9_000)}` })).toBe(414);
    const broken =
      'GET /mcp HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: mcp\r\n\r\n';
    expect(await rig.raw(broken.replace('PORT', String(rig.listener.port)))).toContain(' 400 ');
  });

  test('a request that would like another protocol is answered in this one', async () => {
    await using rig = await startRig(withSockets());
    const { status } = await rig.send({
      ...initialize,
      headers: { ...initialize.headers, connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c' },
    });
    expect(status).toBe(200);
  });
});

describe('bounds', () => {
  test('a message over the limit closes the socket', async () => {
    await using rig = await startRig(withSockets());
    const client = await initialized(rig);
    client.say('x'.repeat(5_000));
    expect(await client.closed).toBe(1009);
  });

  test('a binary frame closes it', async () => {
    await using rig = await startRig(withSockets());
    const client = await initialized(rig);
    client.socket.send(Buffer.from('{}'), { binary: true });
    expect(await client.closed).toBe(1003);
  });

  test('a reader that does not read: nothing more is read from it, notifications are dropped, then it is cut', async () => {
    await using rig = await startRig(withSockets());
    rig.hub.answer = async () => textResult('x'.repeat(1024 * 1024));
    const client = await initialized(rig);
    client.socket.pause();
    for (let id = 0; id < 20; id++) client.say({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'a' } });
    await expect.poll(() => rig.hub.calls.length).toBeGreaterThan(0);
    for (let id = 20; id < 300; id++)
      client.say({
        jsonrpc: '2.0',
        id,
        method: 'tools/call',
        params: { name: 'a', arguments: { much: 'y'.repeat(500) } },
      });
    // What was read at once is in flight; everything later waits, here or with the client.
    const { length } = rig.hub.calls;
    expect(length).toBeLessThan(100);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(rig.hub.calls.length).toBeLessThan(100);
    rig.hub.changeLists('tools');
    expect(rig.edge.counted.get('droppedNotifications default/desk')).toBe(1);
    await rig.edge.clock.advance(60 * 60_000);
    expect(rig.edge.counted.get('limitRejections readRate')).toBe(1);
    await expect.poll(() => rig.hub.endedSessions.length).toBe(1);
  });

  test('a reader that pauses and goes on loses nothing', async () => {
    await using rig = await startRig(withSockets());
    rig.hub.answer = async () => textResult('x'.repeat(1024 * 1024));
    const client = await initialized(rig);
    client.socket.pause();
    for (let id = 0; id < 20; id++) client.say({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'a' } });
    await expect.poll(() => rig.hub.calls.length).toBeGreaterThan(0);
    client.socket.resume();
    await expect.poll(() => client.heard.length).toBe(21);
  });

  test('silence is met with a ping, an unanswered one with the end', async () => {
    await using rig = await startRig(withSockets());
    const living = await initialized(rig);
    const dead = connect(rig.listener.port, '127.0.0.1');
    dead.on('error', () => {});
    const gone = new Promise((resolve) => dead.once('close', resolve));
    dead.resume();
    dead.write(
      `GET /mcp HTTP/1.1\r\nHost: 127.0.0.1:${rig.listener.port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mcp\r\n\r\n',
    );
    await new Promise((resolve) => dead.once('data', resolve));
    const pinged = new Promise((resolve) => living.socket.once('ping', resolve));
    await rig.edge.clock.advance(16_000);
    await pinged;
    // What is asked behind the pong is answered behind it.
    await living.ask('ping', undefined, 0);
    await rig.edge.clock.advance(16_000);
    await gone;
    expect((await living.ask('ping', undefined, 1)).result).toEqual({});
  });
});

describe('the end of a replica', () => {
  test('a call in flight is answered; then the client is told to connect again', async () => {
    const rig = await startRig(withSockets());
    const gate = gated(rig);
    const [client, idle] = [await initialized(rig), await initialized(rig)];
    client.say({ jsonrpc: '2.0', id: 'last', method: 'tools/call', params: { name: 'a' } });
    await expect.poll(() => rig.hub.calls.length).toBe(1);
    const closing = rig.listener.close(60_000);
    expect(await idle.closed).toBe(1012);
    // Nothing new begins, or its end would never come.
    expect((await client.ask('tools/call', { name: 'b' }, 'new')).error.data.code).toBe('QM_SHUTTING_DOWN');
    gate.release();
    await expect.poll(() => client.heard.at(-1)?.id).toBe('last');
    await rig.edge.clock.advance(100);
    expect(await client.closed).toBe(1012);
    await closing;
  });

  test('a transport that is switched off lets its clients go', async () => {
    const hub = withSockets();
    await using rig = await startRig(hub);
    const client = await initialized(rig);
    Object.assign(hub.graph.config, { transports: undefined });
    await rig.edge.clock.advance(1_100);
    expect(await client.closed).toBe(1012);
  });
});
