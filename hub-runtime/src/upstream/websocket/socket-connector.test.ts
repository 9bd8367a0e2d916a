/** WebSocket toward servers, over real sockets. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import type { WebSocket } from 'ws';

import { createTestClock } from '../../base/index.ts';
import { emptyObject } from '../../wire/index.ts';
import { call, draining, eventually, FakeFeed, makeCall, refusal, resultOf } from '../testing/index.ts';
import { socketLimits } from './socket-pipe.ts';
import { legacy, modern, useSockets } from './sockets.fixture.ts';

const sockets = useSockets();

describe('HT-0.14 a server on a WebSocket', () => {
  test('of the older era: discovered, greeted and called on one socket, subprotocol mcp', async () => {
    const server = await sockets.serve(legacy);
    const { conversation } = await sockets.open(server.url, { target: { headers: { 'X-Team': 'docs' } } });
    expect(conversation).toMatchObject({ era: 'legacy', revision: '2025-06-18', transport: 'websocket' });
    expect(JSON.stringify(resultOf(await call(conversation)))).toContain('echo');
    expect(server.received.map(({ method }) => method)).toEqual([
      'server/discover',
      'initialize',
      'notifications/initialized',
      'tools/call',
    ]);
    expect(server.upgrades[0]?.headers).toMatchObject({ 'x-team': 'docs', 'sec-websocket-protocol': 'mcp' });
    expect(server.upgrades[0]?.url).toBe('/socket?room=1');
    expect(server.upgrades[0]?.headers['sec-websocket-extensions']).toBeUndefined();
  });

  test('of 2026-07-28: no handshake beyond discovery, requests carry the envelope', async () => {
    const server = await sockets.serve(modern);
    const { conversation } = await sockets.open(server.url);
    expect(conversation.era).toBe('modern');
    await call(conversation);
    expect(JSON.stringify(server.received.at(-1))).toContain('io.modelcontextprotocol/protocolVersion');
  });

  test('one that closes on server/discover is greeted the older way on a new socket', async () => {
    const server = await sockets.serve((message, socket) => {
      if (message.method !== 'server/discover') return legacy(message);
      socket.close(1002);
      return undefined;
    });
    const { conversation } = await sockets.open(server.url);
    expect(conversation.era).toBe('legacy');
    expect(server.sockets).toHaveLength(2);
  });

  test('byte for byte: text beyond ASCII arrives as it was sent', async () => {
    const server = await sockets.serve(legacy);
    const { conversation } = await sockets.open(server.url);
    const outcome = await conversation.send(
      makeCall('tools/call', { name: 'a', arguments: { text: 'grüße 🌊' } }).call,
    );
    expect(resultOf(outcome)).toMatchObject({ echoed: { arguments: { text: 'grüße 🌊' } } });
  });

  test('a cancellation is told', async () => {
    const server = await sockets.serve((message) => (message.method === 'tools/call' ? undefined : legacy(message)));
    const { conversation } = await sockets.open(server.url);
    const one = makeCall('tools/call', { name: 'hang', arguments: {} });
    const outcome = conversation.send(one.call);
    await eventually(() => server.received.some(({ method }) => method === 'tools/call'), 'the call has arrived');
    one.call.exchange.leg.cancellation.cancel('client-cancelled');
    expect(await outcome).toMatchObject({ errorCode: 'QM_CANCELLED' });
    await eventually(() => server.received.at(-1)?.method === 'notifications/cancelled', 'the server is told');
  });

  test('messages that are none, and batches', async () => {
    const server = await sockets.serve((message, socket) => {
      if (message.method !== 'tools/call') return legacy(message);
      socket.send('rubbish');
      socket.send(JSON.stringify([{ jsonrpc: '2.0', id: message.id, result: { batched: true } }, 7]));
      return undefined;
    });
    const { conversation } = await sockets.open(server.url);
    expect(resultOf(await call(conversation))).toEqual({ batched: true });
  });

  test('the address of a replica is where the socket goes; the name stays that of the server', async () => {
    const server = await sockets.serve(legacy);
    const feed = new FakeFeed(server.address);
    const { conversation, ends } = await sockets.open('http://live-server.default.svc/socket', {
      target: { endpoints: feed },
    });
    expect(server.upgrades[0]?.headers.host).toBe('live-server.default.svc');
    feed.say(draining(server.address));
    expect(ends).toEqual([{ reason: 'NoEndpoints', message: 'no replica of it is ready' }]);
    expect(await call(conversation)).toMatchObject({ kind: 'error' });
    await eventually(() => server.sockets[0]?.readyState === 3, 'with nothing in flight the socket is closed');
  });
});

describe('the end of a socket', () => {
  const hanging = async () => {
    const server = await sockets.serve((message) => (message.method === 'tools/call' ? undefined : legacy(message)));
    const opened = await sockets.open(server.url);
    const outcome = call(opened.conversation);
    await eventually(() => server.received.some(({ method }) => method === 'tools/call'), 'the call has arrived');
    return { server, socket: server.sockets[0] as WebSocket, outcome, ...opened };
  };

  test('fails what is in flight and says why', async () => {
    const { socket, outcome, ends } = await hanging();
    socket.close(1011);
    expect(await outcome).toMatchObject({ errorCode: 'QM_SERVER_GONE' });
    expect(ends).toEqual([{ reason: 'ConnectionLost', message: 'it closed the WebSocket (1011)' }]);
  });

  test('a binary frame is no message', async () => {
    const { socket, outcome, ends } = await hanging();
    socket.send(Buffer.from([1, 2, 3]));
    expect(await outcome).toMatchObject({ errorCode: 'QM_SERVER_GONE' });
    expect(ends[0]?.message).toContain('binary');
  });

  test('a frame over the limit ends it', async () => {
    const { socket, outcome, ends } = await hanging();
    socket.send('x'.repeat(socketLimits.frameBytes + 1));
    expect(await outcome).toMatchObject({ errorCode: 'QM_SERVER_GONE' });
    expect(ends[0]?.message).toContain('spec.limits.response');
  });

  test('the limit is that of the manifest', async () => {
    const config = { limits: { responseBytes: 100_000 } };
    const server = await sockets.serve((message) => {
      if (message.method !== 'tools/call') return legacy(message);
      const { bytes = 0 } = (message.params?.['arguments'] ?? {}) as { bytes?: number };
      return { text: 'x'.repeat(bytes) };
    });
    const { conversation, ends } = await sockets.open(server.url, { config });
    const ask = (bytes: number) => conversation.send(makeCall('tools/call', { name: 'a', arguments: { bytes } }).call);
    expect(await ask(99_000)).toMatchObject({ kind: 'result' });
    expect(await ask(100_000)).toMatchObject({ errorCode: 'QM_SERVER_GONE' });
    expect(ends).toHaveLength(1);
  });

  test('a connection that breaks, and frames that are none', async () => {
    const broken = await hanging();
    broken.socket.terminate();
    expect(await broken.outcome).toMatchObject({ errorCode: 'QM_SERVER_GONE' });
    expect(broken.ends).toEqual([{ reason: 'ConnectionLost', message: 'it closed the WebSocket (1006)' }]);
    const reset = await hanging();
    (reset.socket as unknown as { _socket: { resetAndDestroy(): void } })._socket.resetAndDestroy();
    expect(await reset.outcome).toMatchObject({ errorCode: 'QM_SERVER_GONE' });
    expect(reset.ends).toMatchObject([{ reason: 'ConnectionLost' }]);
    const garbled = await hanging();
    const { _socket: wire } = garbled.socket as unknown as { _socket: { write(bytes: Buffer): void } };
    wire.write(Buffer.from([0xff, 0x00, 0x00]));
    expect(await garbled.outcome).toMatchObject({ errorCode: 'QM_SERVER_GONE' });
    expect(garbled.ends[0]?.message).toContain('breaks the WebSocket protocol');
  });

  test('EF-31 a call that only reads is handed back, one that may have been executed is not', async () => {
    const sent: string[] = [];
    const resend = ({ exchange }: { exchange: { method: string } }) => {
      sent.push(exchange.method);
      return undefined;
    };
    const server = await sockets.serve((message) =>
      message.method?.includes('/') === true && message.method !== 'server/discover' ? undefined : legacy(message),
    );
    const { conversation } = await sockets.open(server.url, { request: { resend } });
    const both = [
      conversation.send(makeCall('prompts/get', { name: 'p' }).call),
      conversation.send(makeCall('tools/call', { name: 'x', arguments: {} }).call),
    ];
    await eventually(() => server.received.some(({ method }) => method === 'tools/call'), 'both have arrived');
    server.sockets[0]?.terminate();
    await Promise.all(both);
    expect(sent).toEqual(['prompts/get']);
    // Nothing is written to what is over: it goes where there is a conversation by then.
    await call(conversation);
    expect(sent).toEqual(['prompts/get', 'tools/call']);
  });

  test('closing is told to the server', async () => {
    const { socket, conversation } = await hanging();
    await conversation.close('done');
    await eventually(() => socket.readyState === socket.CLOSED, 'closed');
  });

  test('a server that answers no ping is given up', async () => {
    const clock = createTestClock();
    const server = await sockets.serve(legacy);
    const opening = sockets.open(server.url, { clock });
    const { ends } = await opening;
    await clock.advance(socketLimits.pingMs);
    expect(ends).toEqual([]);
    await clock.advance(socketLimits.pingMs);
    expect(ends).toEqual([{ reason: 'ConnectionLost', message: 'it does not answer any more' }]);
  });

  test('what waits for a server that does not read is bounded', async () => {
    const { socket, conversation, outcome } = await hanging();
    socket.pause();
    const big = 'x'.repeat(5 * 1024 * 1024);
    const codes: unknown[] = [];
    for (let n = 0; n < 8; n++)
      void conversation
        .send(makeCall('tools/call', { name: 'a', arguments: { big } }).call)
        .then((one) => codes.push('errorCode' in one ? one.errorCode : one.kind));
    await eventually(() => codes.length > 0, 'one is refused');
    expect(codes[0]).toBe('QM_OVERLOADED');
    await conversation.close('done');
    await outcome;
  });
});

describe('what does not become a conversation', () => {
  test('a server without the subprotocol', async () => {
    const server = await sockets.serve(legacy, { protocol: false });
    expect(await sockets.why(server.url)).toMatchObject({ reason: 'TransportUnsupported' });
  });

  test.each([
    [404, 'TransportUnsupported'],
    [401, 'CredentialsRefused'],
    [503, 'Unreachable'],
    [302, 'Unreachable'],
  ])('a server that answers HTTP %d', async (status, reason) => {
    const http = createServer();
    http.on('upgrade', (_request, socket) =>
      socket.end(`HTTP/1.1 ${status} No\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n`),
    );
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    sockets.cleanups.push(() => http.close());
    expect(await sockets.why(`ws://127.0.0.1:${(http.address() as AddressInfo).port}/`)).toMatchObject({ reason });
  });

  test('nobody there', async () => {
    const http = createServer();
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const { port } = http.address() as AddressInfo;
    await new Promise((resolve) => http.close(resolve));
    expect(await sockets.why(`ws://127.0.0.1:${port}/`)).toMatchObject({ reason: 'Unreachable', retryable: true });
  });

  test('a URL with credentials, and one that is none', async () => {
    expect((await sockets.why('ws://me:secret@127.0.0.1/')).message).not.toContain('secret');
    expect(await sockets.why('ftp://127.0.0.1/')).toMatchObject({ reason: 'StartFailed', retryable: false });
  });

  test('a start given up leaves nothing', async () => {
    const server = await sockets.serve(() => undefined);
    const abort = new AbortController();
    const attempt = refusal(
      sockets
        .connector(server.url)
        .connect({ purpose: 'primary', caller: undefined, verdict: undefined }, abort.signal),
    );
    await eventually(() => server.received.length > 0, 'the handshake has begun');
    abort.abort();
    await attempt;
    await eventually(() => server.sockets[0]?.readyState === 3, 'the socket is closed');
  });

  test('protocol: legacy asks only the older way, modern only the newer', async () => {
    const server = await sockets.serve(legacy);
    await sockets.open(server.url, { config: { protocol: 'legacy' } });
    expect(server.received[0]?.method).toBe('initialize');
    expect(await sockets.why(server.url, { config: { protocol: 'modern' } })).toMatchObject({ retryable: false });
    const remembered = await sockets.open(server.url, { request: { verdict: 'legacy' } });
    expect(await remembered.conversation.request('ping', emptyObject, 1_000)).toMatchObject({ kind: 'result' });
  });
});

describe('several replicas', () => {
  const url = 'http://live-server.default.svc/socket';
  const two = async () => {
    const servers = [await sockets.serve(legacy), await sockets.serve(legacy)];
    const feed = new FakeFeed(...servers.map(({ address }) => address));
    return { servers, feed };
  };

  test('one that cannot be reached is left for the next; with none ready there is nothing to open', async () => {
    const server = await sockets.serve(legacy);
    const feed = new FakeFeed('127.0.0.1:1', server.address);
    await sockets.open(url, { target: { endpoints: feed } });
    await sockets.open(url, { target: { endpoints: feed } });
    expect(server.sockets).toHaveLength(2);
    const none = new FakeFeed(draining(server.address));
    expect(await sockets.why(url, { target: { endpoints: none } })).toMatchObject({
      reason: 'NoEndpoints',
      retryable: true,
    });
    expect(none.subscribers).toBe(0);
    // Each is tried once, not for ever.
    const nowhere = new FakeFeed('127.0.0.1:1', '127.0.0.1:2');
    expect(await sockets.why(url, { target: { endpoints: nowhere } })).toMatchObject({ reason: 'Unreachable' });
  });

  test('a primary conversation whose replica leaves while another is ready is over at once; other changes are nothing to it', async () => {
    const { servers, feed } = await two();
    const { ends } = await sockets.open(url, { target: { endpoints: feed } });
    const at = servers.findIndex(({ sockets }) => sockets.length === 1);
    const [mine, other] = [servers[at]?.address ?? '', servers[1 - at]?.address ?? ''];
    feed.say(mine, draining(other));
    feed.say(mine, other);
    expect(ends).toEqual([]);
    feed.say(draining(mine), other);
    expect(ends).toEqual([{ reason: 'ConnectionLost', message: 'its replica takes nothing new' }]);
  });

  test("a client's own conversation leaves a replica that takes nothing new with its next call", async () => {
    const { servers, feed } = await two();
    const elsewhere = { kind: 'ready', result: emptyObject } as const;
    const resend = async () => elsewhere;
    const { conversation, ends } = await sockets.open(url, {
      target: { endpoints: feed },
      request: { purpose: 'client', resend },
    });
    const at = servers.findIndex(({ sockets }) => sockets.length === 1);
    expect(await call(conversation)).toMatchObject({ kind: 'result' });
    feed.say(draining(servers[at]?.address ?? ''), servers[1 - at]?.address ?? '');
    expect(ends).toEqual([]);
    expect(await call(conversation)).toBe(elsewhere);
    expect(ends).toMatchObject([{ reason: 'NoEndpoints' }]);
    await eventually(() => servers[at]?.sockets[0]?.readyState === 3, 'with nothing in flight the socket is closed');
  });
});
