import { connect } from 'node:net';

import { describe, expect, test } from 'vitest';

import { FakeHub } from '../fake-hub.ts';
import { bytesOf, enveloped, gated, getStream, jsonHeaders, legacy, modern, startRig } from './test-http.ts';

describe('the end of the listener', () => {
  test('HS-13 calls in flight finish within the grace period, new ones are told to go', async () => {
    const rig = await startRig();
    const gate = gated(rig);
    const call = rig.send(modern('tools/call', { name: 'a' }));
    await expect.poll(() => rig.hub.calls.length).toBe(1);
    const closing = rig.listener.close(10_000);
    await expect(rig.send(modern('tools/call', { name: 'a' }))).rejects.toThrow();
    gate.release();
    expect((await call).json.result.content[0].text).toBe('done');
    for (let n = 0; n < 5; n++) await rig.edge.clock.advance(20);
    await closing;
    expect(rig.edge.clock.pending).toBe(0);
    expect(rig.hub.listeners).toBe(0);
  });

  async function pass(rig: Awaited<ReturnType<typeof startRig>>, ms: number): Promise<void> {
    for (let past = 0; past < ms; past += 20) {
      await new Promise((resolve) => setImmediate(resolve));
      await rig.edge.clock.advance(20);
    }
  }

  test('HS-13 a replica that leaves serves on until nobody comes any more, and asks each client to come back elsewhere', async () => {
    const rig = await startRig();
    const listen = await rig.open(modern('subscriptions/listen', { notifications: {} }));
    const idle = connect(rig.listener.port, '127.0.0.1');
    await new Promise((resolve) => idle.once('connect', resolve));
    const closing = rig.listener.close(10_000, 15_000);
    await listen.ended;
    for (let n = 0; n < 3; n++) {
      const answer = await rig.send(modern('tools/call', { name: 'a' }));
      expect([answer.status, answer.headers.connection]).toEqual([200, 'close']);
      await pass(rig, 800);
    }
    // One connection is left, and nobody asks on it.
    let closed = false;
    void closing.then(() => (closed = true));
    await pass(rig, 4_000);
    expect(closed).toBe(false);
    await pass(rig, 1_500);
    await closing;
    await expect(rig.send(modern('tools/call', { name: 'a' }))).rejects.toThrow();
    idle.destroy();
  });

  test.each([
    ['a long time', 100, 5_000],
    ['the last moment', 980, 60],
  ])('HS-13 what arrived while it was starved for %s is answered, not cut', async (_name, awakeMs, starvedMs) => {
    const rig = await startRig();
    const idle = connect(rig.listener.port, '127.0.0.1');
    await new Promise((resolve) => idle.once('connect', resolve));
    let heard = '';
    idle.on('data', (data) => (heard += String(data)));
    const ended = new Promise((resolve) => idle.once('close', resolve));
    const closing = rig.listener.close(10_000, 8_000);
    await pass(rig, awakeMs);
    idle.write(bytesOf(rig.listener.port, modern('tools/call', { name: 'a' })));
    // Its timers are due, and nothing has been read yet.
    await rig.edge.clock.advance(starvedMs);
    await pass(rig, 2_000);
    await closing;
    await ended;
    expect(heard).toContain('HTTP/1.1 200');
  });

  test('HS-13 clients that come for ever do not keep it from ending', async () => {
    const rig = await startRig();
    const closing = rig.listener.close(10_000, 1_500);
    for (let n = 0; n < 3; n++) {
      await rig.send(modern('tools/call', { name: 'a' }));
      await pass(rig, 500);
    }
    await pass(rig, 100);
    await closing;
    await expect(rig.send(modern('tools/call', { name: 'a' }))).rejects.toThrow();
  });

  test('names under which clients may reach it are replaced while it runs', async () => {
    await using rig = await startRig(new FakeHub(), { allowedHosts: ['old.example.com'] });
    const status = async (host: string): Promise<number> => {
      const call = modern('server/discover');
      return (await rig.send({ ...call, headers: { ...call.headers, host } })).status;
    };
    expect([await status('old.example.com:1'), await status('new.example.com:8443')]).toEqual([200, 403]);
    rig.listener.allowHosts(['New.example.com:8443']);
    expect([await status('old.example.com:1'), await status('new.example.com:8443')]).toEqual([403, 200]);
    expect([await status('new.example.com'), await status(`127.0.0.1:${rig.listener.port}`)]).toEqual([403, 200]);
  });

  test('HS-13 after the grace period everything is cut and cancelled', async () => {
    const rig = await startRig();
    gated(rig);
    const call = rig.send(legacy(await rig.session(), 'tools/call', { name: 'a' }));
    await expect.poll(() => rig.hub.calls.length).toBe(1);
    await rig.listener.close(0);
    expect(rig.hub.calls[0]?.leg.cancellation.reason).toBe('shutdown');
    expect(rig.hub.endedSessions).toHaveLength(1);
    expect((await call).json.error.data.code).toBe('QM_CANCELLED');
  });

  test('a hub keeps its sessions while any of its paths leads to it', async () => {
    const hub = new FakeHub();
    const paths = new Set(['/mcp', '/hubs/default/desk/mcp']);
    await using rig = await startRig(hub, { directory: { resolve: (path) => (paths.has(path) ? hub : undefined) } });
    const id = await rig.session();
    const ping = { ...legacy(id, 'ping'), path: '/hubs/default/desk/mcp' };
    expect((await rig.send(ping)).status).toBe(200);
    paths.delete('/mcp');
    await rig.edge.clock.advance(2000);
    expect((await rig.send(ping)).status).toBe(200);
  });

  test('a fault of ours in one request is answered, and the next one is served', async () => {
    await using rig = await startRig(new FakeHub(), {
      directory: {
        resolve: (path) => {
          if (path === '/boom') throw new Error('bug');
          return rig.hub;
        },
      },
    });
    const broken = modern('server/discover');
    expect((await rig.send({ ...broken, path: '/boom' })).status).toBe(500);
    rig.hub.failCapabilities = true;
    const answer = await rig.send(broken);
    expect([answer.status, answer.json.error.data.code]).toEqual([500, 'QM_INTERNAL']);
    expect((await rig.send(modern('tools/call', { name: 'a' }))).status).toBe(200);
  });

  test('connections are bounded', async () => {
    await using rig = await startRig(new FakeHub(), { maxConnections: 1 });
    const first = connect(rig.listener.port, '127.0.0.1');
    await new Promise((resolve) => first.once('connect', resolve));
    await expect(rig.send(modern('server/discover'))).rejects.toThrow();
    first.destroy();
    await expect
      .poll(async () =>
        rig.send(modern('server/discover')).then(
          ({ status }) => status,
          () => 0,
        ),
      )
      .toBe(200);
  });

  test('open streams leave room for calls', async () => {
    await using rig = await startRig(new FakeHub(), { maxConnections: 2 });
    const listen = modern('subscriptions/listen', { notifications: {} });
    const streams = [await rig.open(listen), await rig.open({ ...listen })];
    await expect(rig.send(modern('server/discover'))).rejects.toThrow();
    await rig.edge.clock.advance(1000);
    expect((await rig.send(modern('server/discover'))).status).toBe(200);
    for (const stream of streams) stream.destroy();
  });

  test('a hub that leaves the configuration: its path is 404, its sessions end', async () => {
    const hub = new FakeHub();
    let served = true;
    await using rig = await startRig(hub, { directory: { resolve: () => (served ? hub : undefined) } });
    const id = await rig.session();
    const stream = await rig.open(getStream(id));
    served = false;
    expect((await rig.send(legacy(id, 'ping'))).status).toBe(404);
    await rig.edge.clock.advance(2000);
    await stream.ended;
    expect(hub.endedSessions).toHaveLength(1);
    expect(hub.listeners).toBe(0);
  });
});

describe('security notes 17: time per connection', () => {
  const times = { headersMs: 60, requestMs: 150, idleMs: 60, lookMs: 20 };
  const request = (port: number): string => bytesOf(port, modern('server/discover'));

  test.each([
    ['a connection that says nothing', () => '', /^$/, 60],
    ['headers that never end', (port: number) => request(port).slice(0, 40), /^HTTP.1\.1 408 Request Timeout/, 60],
    ['a body that never ends', (port: number) => request(port).slice(0, -3), /^HTTP.1\.1 408 Request Timeout/, 150],
    ['an idle connection', request, /^HTTP.1\.1 200 OK/, 60],
  ])('%s is closed after its time, not before', async (_, bytes, status, leastMs) => {
    await using rig = await startRig(new FakeHub(), { times });
    const begun = performance.now();
    const answer = await rig.raw(bytes(rig.listener.port));
    expect(answer).toMatch(status);
    // Node counts in whole milliseconds from when it heard of the connection.
    expect(performance.now() - begun).toBeGreaterThanOrEqual(leastMs - 5);
  });

  test('bytes that trickle in do not prolong it', async () => {
    await using rig = await startRig(new FakeHub(), { times });
    const bytes = request(rig.listener.port);
    const socket = connect(rig.listener.port, '127.0.0.1');
    let [text, sent] = ['', bytes.length - 50];
    socket.write(bytes.slice(0, sent));
    const trickle = setInterval(() => socket.write(bytes.charAt(sent++)), 10);
    socket.on('error', () => {}).on('data', (chunk) => (text += String(chunk)));
    await new Promise((resolve) => socket.once('close', resolve));
    clearInterval(trickle);
    expect(text).toContain('408 Request Timeout');
    expect(sent).toBeLessThan(bytes.length);
  });
});

test('a keep-alive connection serves call after call', async () => {
  await using rig = await startRig();
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'server/discover', params: { _meta: enveloped() } });
  const head = (last: boolean): string =>
    `POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:${rig.listener.port}\r\nContent-Type: ${jsonHeaders['content-type']}\r\n` +
    `MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: server/discover\r\nContent-Length: ${body.length}\r\n` +
    `${last ? 'Connection: close\r\n' : ''}\r\n${body}`;
  const text = await rig.raw(head(false) + head(false) + head(true));
  expect(text.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(3);
});
