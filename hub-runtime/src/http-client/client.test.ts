import { createServer } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';

import { ask, hello, listening, useClients } from './client.fixture.ts';
import { clientLimits } from './index.ts';

const { serve, clientOf, atEnd } = useClients();

describe('requests', () => {
  test('is written whole, its body as bytes, and its answer told in order', async () => {
    const server = await serve(() => hello);
    const client = clientOf(server.origin);
    const asked = await ask(client, { method: 'POST', lines: 'x-fixed: 2\r\n', body: '{"a":"\xe4"}' }).over;
    expect(asked).toMatchObject({ body: 'hello', calls: ['waiting', 'sending', 'head', 'end'] });
    expect(server.requests).toEqual([
      `POST /a?b HTTP/1.1\r\nhost: 127.0.0.1:${server.port}\r\nconnection: keep-alive\r\nx-fixed: 2\r\nx-one: 1\r\ncontent-length: 9\r\n\r\n{"a":"\xe4"}`,
    ]);
  });

  test('HS-15 one after the other share a connection, those at once have one each, up to the bound', async () => {
    const server = await serve(() => hello);
    const client = clientOf(server.origin);
    for (let n = 0; n < 5; n++) expect((await ask(client).over).body).toBe('hello');
    expect(server.sockets).toHaveLength(1);
    const all = Array.from({ length: 50 }, () => ask(client));
    expect(client.stats).toMatchObject({ queued: 49 });
    for (const { body } of await Promise.all(all.map(({ over }) => over))) expect(body).toBe('hello');
    // Those that were not needed after all may still be on their way.
    await expect.poll(() => client.stats).toEqual({ connected: 4, free: 4, queued: 0, running: 0 });
    await expect.poll(() => server.sockets).toHaveLength(4);
  });

  test.each([
    ['a line end in a value', { headers: ['a', 'b\r\nc: d'] }],
    ['a null in a value', { headers: ['a', '\0'] }],
    ['a character that is no byte', { headers: ['a', '\u20ac'] }],
    ['a blank in a name', { headers: ['a b', 'c'] }],
    ['a name of the framing', { headers: ['Content-Length', '7'] }],
    ['a blank in the path', { path: '/a HTTP/1.1' }],
    ['a line end in the path', { path: '/\r\nx: y' }],
  ])('EF-85 %s is never written', async (_name, request) => {
    const server = await serve(() => hello);
    const client = clientOf(server.origin);
    expect(await ask(client, request).over).toMatchObject({ error: 'BAD_REQUEST_HEADER', sent: false });
    expect(server.sockets).toEqual([]);
  });

  test('one that says so is the last of its connection', async () => {
    const server = await serve(() => hello);
    const client = clientOf(server.origin);
    await ask(client, { last: true }).over;
    await ask(client).over;
    expect(server.requests[0]).toContain('connection: close\r\n');
    expect(server.sockets).toHaveLength(2);
  });
});

describe('connections that are used no more', () => {
  test.each([
    ['the server says so', 'HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello'],
    ['it would close it too soon', 'HTTP/1.1 200 OK\r\nkeep-alive: timeout=2\r\ncontent-length: 5\r\n\r\nhello'],
    ['more came than was asked for', `${hello}HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil`],
  ])('%s', async (_name, answer) => {
    const server = await serve(() => answer);
    const client = clientOf(server.origin);
    for (let n = 0; n < 3; n++) expect((await ask(client).over).body).toBe('hello');
    expect(server.sockets).toHaveLength(3);
  });

  test('EF-85 what a server says unasked is never taken for an answer', async () => {
    const server = await serve(() => hello);
    const client = clientOf(server.origin);
    await ask(client).over;
    server.sockets[0]?.write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil');
    await expect.poll(() => client.stats.connected).toBe(0);
    expect((await ask(client).over).body).toBe('hello');
    expect(server.sockets).toHaveLength(2);
  });

  test('it was idle for long enough', async () => {
    const server = await serve(() => hello);
    const client = clientOf(server.origin, { keepAliveMs: 20 });
    await ask(client).over;
    await sleep(40);
    await ask(client).over;
    expect(server.sockets).toHaveLength(2);
    await expect.poll(() => client.stats.connected).toBe(0);
  });

  test('the server closed it while it was idle', async () => {
    const server = await serve(() => hello);
    const client = clientOf(server.origin);
    await ask(client).over;
    server.sockets[0]?.end();
    await expect.poll(() => client.stats.connected).toBe(0);
    expect((await ask(client).over).body).toBe('hello');
  });

  test('an answer came before its request had been written', async () => {
    const server = await serve(() => undefined);
    const client = clientOf(server.origin);
    const asked = ask(client, { method: 'POST', body: 'x'.repeat(32 * 1024 * 1024) });
    await expect.poll(() => server.sockets.length).toBe(1);
    server.sockets[0]?.pause();
    server.sockets[0]?.write('HTTP/1.1 413 X\r\ncontent-length: 0\r\n\r\n');
    expect((await asked.over).head?.status).toBe(413);
    expect(client.stats.connected).toBe(0);
  });
});

describe('failures', () => {
  test('nobody listens: everybody who waits hears of it, and nothing was sent', async () => {
    const server = createServer();
    const port = await listening(server);
    await new Promise((resolve) => server.close(resolve));
    const client = clientOf(`http://127.0.0.1:${port}`, { connections: 2 });
    const all = await Promise.all(Array.from({ length: 10 }, () => ask(client).over));
    for (const one of all) expect(one).toMatchObject({ error: 'ECONNREFUSED', sent: false });
    expect(client.stats).toEqual({ connected: 0, free: 0, queued: 0, running: 0 });
  });

  test('no connection in time', async () => {
    // A TLS server that says nothing: the connection never stands.
    const server = await serve(() => undefined);
    const client = clientOf(`https://127.0.0.1:${server.port}`, { connectMs: 50 });
    expect(await ask(client).over).toMatchObject({ error: 'CONNECT_TIMEOUT', sent: false });
  });

  test.each([
    ['before its answer', ''],
    ['in its head', 'HTTP/1.1 200 OK\r\n'],
    ['in its body', 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel'],
    ['between chunks', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n'],
  ])('the server closes %s', async (_name, text) => {
    const server = await serve((_request, socket) => void socket.end(text));
    expect(await ask(clientOf(server.origin)).over).toMatchObject({ error: 'CLOSED_BY_SERVER', sent: true });
  });

  test('an answer without length ends with its connection', async () => {
    const server = await serve((_request, socket) => void socket.end('HTTP/1.1 200 OK\r\n\r\nhello'));
    const client = clientOf(server.origin);
    expect(await ask(client).over).toMatchObject({ body: 'hello', error: undefined });
    expect(client.stats.connected).toBe(0);
  });

  test('a reset', async () => {
    const server = await serve((_request, socket) => void socket.resetAndDestroy());
    expect(await ask(clientOf(server.origin)).over).toMatchObject({ error: 'ECONNRESET', sent: true });
  });

  test('what is no HTTP', async () => {
    const server = await serve(() => 'SSH-2.0-OpenSSH_9\r\n\r\n');
    const client = clientOf(server.origin);
    expect(await ask(client).over).toMatchObject({ error: 'HTTP_STATUS_LINE', sent: true });
    expect(client.stats.connected).toBe(0);
  });

  test('one connection breaks, those who wait get another', async () => {
    let broken = false;
    const server = await serve((_request, socket) => {
      if (broken) return hello;
      broken = true;
      socket.destroy();
      return undefined;
    });
    const client = clientOf(server.origin, { connections: 1 });
    const [first, ...rest] = await Promise.all([ask(client).over, ask(client).over, ask(client).over]);
    expect(first).toMatchObject({ error: 'CLOSED_BY_SERVER' });
    for (const one of rest) expect(one.body).toBe('hello');
  });

  test('a certificate that nobody vouches for', async () => {
    const server = createTlsServer({ pskCallback: () => null, ciphers: 'PSK', pskIdentityHint: '' });
    server.on('tlsClientError', () => {});
    const port = await listening(server);
    atEnd(() => server.close());
    const asked = await ask(clientOf(`https://127.0.0.1:${port}`)).over;
    expect(asked.sent).toBe(false);
    expect(asked.error).toMatch(/^ERR_SSL|^ECONNRESET/);
  });
});

describe('taken back', () => {
  test('while it waits: it is never sent, and the others are', async () => {
    const server = await serve(() => hello);
    const client = clientOf(server.origin, { connections: 1 });
    const [first, second, third] = [ask(client), ask(client, { path: '/second' }), ask(client)];
    second.withdrawal?.abort(second);
    await Promise.all([first.over, third.over]);
    expect(second.calls).toEqual(['waiting']);
    expect(server.requests.some((one) => one.includes('/second'))).toBe(false);
  });

  test('in flight: its connection is cut, nothing more is heard, and a place is free', async () => {
    const server = await serve((request) => (request.includes('/slow') ? 'HTTP/1.1 200 OK\r\n\r\nx' : hello));
    const client = clientOf(server.origin, { connections: 1 });
    const slow = ask(client, { path: '/slow' });
    await expect.poll(() => slow.body).toBe('x');
    const next = ask(client);
    slow.withdrawal?.abort(slow);
    expect((await next.over).body).toBe('hello');
    expect(slow.calls).toEqual(['waiting', 'sending', 'head']);
    await expect.poll(() => server.sockets[0]?.destroyed).toBe(true);
  });

  test('late, it harms nobody', async () => {
    const server = await serve(() => hello);
    const client = clientOf(server.origin, { connections: 1 });
    const first = ask(client);
    await first.over;
    const second = ask(client);
    first.withdrawal?.abort(first);
    expect((await second.over).body).toBe('hello');
    expect(server.sockets).toHaveLength(1);
  });
});

test('a reader without room stands its server still, and the connection is used again afterwards', async () => {
  const size = 16 * 1024 * 1024;
  const server = await serve((request) =>
    request.includes('/large') ? `HTTP/1.1 200 OK\r\ncontent-length: ${size}\r\n\r\n${'x'.repeat(size)}` : hello,
  );
  const client = clientOf(server.origin, { connections: 1 });
  const asked = ask(client, { path: '/large' });
  let held = 0;
  asked.atData = () => {
    if (held > 0) return;
    held = asked.body.length;
    asked.control?.pause();
  };
  await expect.poll(() => held).toBeGreaterThan(0);
  await sleep(50);
  expect(asked.body.length).toBeLessThanOrEqual(held + clientLimits.readBytes);
  expect(asked.body.length).toBeLessThan(size);
  asked.control?.resume();
  expect((await asked.over).body.length).toBe(size);
  expect((await ask(client).over).body).toBe('hello');
  expect(server.sockets).toHaveLength(1);
});

describe('the end', () => {
  test('close: nothing new is taken, what is under way or waits ends by itself, then nothing stays open', async () => {
    const server = await serve(() => hello);
    const client = clientOf(server.origin, { connections: 1 });
    const all = [ask(client), ask(client)];
    client.close();
    expect((await ask(client).over).error).toBe('CLIENT_CLOSED');
    for (const { body } of await Promise.all(all.map(({ over }) => over))) expect(body).toBe('hello');
    await expect.poll(() => client.stats.connected).toBe(0);
  });

  test('destroy: everything hears of it', async () => {
    const server = await serve(() => undefined);
    const client = clientOf(server.origin, { connections: 1 });
    const [running, waiting] = [ask(client), ask(client)];
    await expect.poll(() => server.requests.length).toBe(1);
    client.destroy();
    expect(await running.over).toMatchObject({ error: 'CLIENT_CLOSED', sent: true });
    expect(await waiting.over).toMatchObject({ error: 'CLIENT_CLOSED', sent: false });
    expect(client.stats).toEqual({ connected: 0, free: 0, queued: 0, running: 0 });
  });

  test('another address serves the origin: its name stays in the request', async () => {
    const server = await serve(() => hello);
    const client = clientOf('http://mcp.example:81', { address: `127.0.0.1:${server.port}` });
    expect((await ask(client).over).body).toBe('hello');
    expect(server.requests[0]).toContain('\r\nhost: mcp.example:81\r\n');
  });
});
