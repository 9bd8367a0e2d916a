/** WebSocket toward servers, over real sockets. */
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { type AddressInfo, createServer as createNetServer } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';

import type { ServerConfig } from '@quaymaster/crds';
import { createTestClock, silentLogger, systemClock } from '../../base/index.ts';
import type { Clock } from '../../base/index.ts';
import type { ServerTarget } from '../../exchange/index.ts';
import { silentObserver } from '../../observe/index.ts';
import { emptyObject, type RawJson } from '../../wire/index.ts';
import type { ConnectRequest } from '../conversation.ts';
import { createHttpPool } from '../http/index.ts';
import { call, draining, eventually, FakeFeed, makeCall, refusal, resultOf, serverConfig } from '../testing/index.ts';
import { createSocketConnector } from './socket-connector.ts';
import { openSocketPipe, socketLimits, type SocketPipeOptions } from './socket-pipe.ts';

interface Message {
  readonly id?: unknown;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
}

interface SocketServer {
  readonly url: string;
  readonly address: string;
  readonly sockets: WebSocket[];
  readonly received: Message[];
  readonly upgrades: IncomingMessage[];
}

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const one of cleanups.splice(0).toReversed()) await one();
});

/** `answer`: result of a request; an Error is a JSON-RPC error; undefined says nothing. */
async function serve(
  answer: (message: Message, socket: WebSocket) => unknown,
  options: { protocol?: string | false } = {},
): Promise<SocketServer> {
  const http = createServer((_request, response) => response.writeHead(404).end());
  const server = new WebSocketServer({
    server: http,
    autoPong: false,
    ...(options.protocol === undefined ? {} : { handleProtocols: () => options.protocol as string }),
  });
  const sockets: WebSocket[] = [];
  const received: Message[] = [];
  const upgrades: IncomingMessage[] = [];
  server.on('connection', (socket, request) => {
    sockets.push(socket);
    upgrades.push(request);
    socket.on('error', () => {});
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString('utf8')) as Message;
      received.push(message);
      if (message.id === undefined || message.method === undefined) return;
      const said = answer(message, socket);
      if (said === undefined) return;
      const outcome = said instanceof Error ? { error: { code: -32601, message: said.message } } : { result: said };
      socket.send(JSON.stringify({ jsonrpc: '2.0', id: message.id, ...outcome }));
    });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    for (const socket of server.clients) socket.terminate();
    http.close();
  });
  const address = `127.0.0.1:${(http.address() as AddressInfo).port}`;
  return { url: `ws://${address}/socket?room=1`, address, sockets, received, upgrades };
}

const initialized = {
  protocolVersion: '2025-06-18',
  capabilities: { tools: {} },
  serverInfo: { name: 'x', version: '1' },
};
const discovery = { resultType: 'complete', supportedVersions: ['2026-07-28'], capabilities: { tools: {} } };

const legacy = (message: Message): unknown => {
  if (message.method === 'server/discover') return new Error('Method not found');
  if (message.method === 'initialize') return initialized;
  return { echoed: message.params };
};
const modern = (message: Message): unknown =>
  message.method === 'server/discover' ? discovery : { resultType: 'complete', echoed: message.params };

interface Setup {
  readonly config?: Partial<ServerConfig>;
  readonly target?: Partial<Extract<ServerTarget, { kind: 'http' }>>;
  readonly request?: Partial<ConnectRequest>;
  readonly clock?: Clock;
}

function connector(url: string, { config = {}, target = {}, clock = systemClock }: Setup = {}) {
  const pool = createHttpPool();
  cleanups.push(() => pool.close());
  return createSocketConnector(
    () => serverConfig({ transport: 'websocket', ...config }),
    { kind: 'http', url, headers: {}, ...target },
    {
      clock,
      random: () => 0,
      log: silentLogger,
      observer: silentObserver,
      http: pool,
      hubInfo: { name: 'quaymaster', version: '0' },
    },
  );
}

async function open(url: string, setup: Setup = {}) {
  const request = { purpose: 'primary', caller: undefined, verdict: undefined, ...setup.request } as const;
  const conversation = await connector(url, setup).connect(request, new AbortController().signal);
  cleanups.push(() => conversation.close('end of test'));
  const ends: { reason: string; message: string }[] = [];
  conversation.onClosed((end) => ends.push(end));
  return { conversation, ends };
}

const why = (url: string, setup: Setup = {}) =>
  refusal(
    connector(url, setup).connect(
      { purpose: 'primary', caller: undefined, verdict: undefined },
      new AbortController().signal,
    ),
  );

describe('HT-0.14 a server on a WebSocket', () => {
  test('of the older era: discovered, greeted and called on one socket, subprotocol mcp', async () => {
    const server = await serve(legacy);
    const { conversation } = await open(server.url, { target: { headers: { 'X-Team': 'docs' } } });
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
    const server = await serve(modern);
    const { conversation } = await open(server.url);
    expect(conversation.era).toBe('modern');
    await call(conversation);
    expect(JSON.stringify(server.received.at(-1))).toContain('io.modelcontextprotocol/protocolVersion');
  });

  test('one that closes on server/discover is greeted the older way on a new socket', async () => {
    const server = await serve((message, socket) => {
      if (message.method !== 'server/discover') return legacy(message);
      socket.close(1002);
      return undefined;
    });
    const { conversation } = await open(server.url);
    expect(conversation.era).toBe('legacy');
    expect(server.sockets).toHaveLength(2);
  });

  test('byte for byte: text beyond ASCII arrives as it was sent', async () => {
    const server = await serve(legacy);
    const { conversation } = await open(server.url);
    const outcome = await conversation.send(
      makeCall('tools/call', { name: 'a', arguments: { text: 'grüße 🌊' } }).call,
    );
    expect(resultOf(outcome)).toMatchObject({ echoed: { arguments: { text: 'grüße 🌊' } } });
  });

  test('a cancellation is told', async () => {
    const server = await serve((message) => (message.method === 'tools/call' ? undefined : legacy(message)));
    const { conversation } = await open(server.url);
    const one = makeCall('tools/call', { name: 'hang', arguments: {} });
    const outcome = conversation.send(one.call);
    await eventually(() => server.received.some(({ method }) => method === 'tools/call'), 'the call has arrived');
    one.call.exchange.leg.cancellation.cancel('client-cancelled');
    expect(await outcome).toMatchObject({ errorCode: 'QM_CANCELLED' });
    await eventually(() => server.received.at(-1)?.method === 'notifications/cancelled', 'the server is told');
  });

  test('messages that are none, and batches', async () => {
    const server = await serve((message, socket) => {
      if (message.method !== 'tools/call') return legacy(message);
      socket.send('rubbish');
      socket.send(JSON.stringify([{ jsonrpc: '2.0', id: message.id, result: { batched: true } }, 7]));
      return undefined;
    });
    const { conversation } = await open(server.url);
    expect(resultOf(await call(conversation))).toEqual({ batched: true });
  });

  test('the address of a replica is where the socket goes; the name stays that of the server', async () => {
    const server = await serve(legacy);
    const feed = new FakeFeed(server.address);
    const { conversation, ends } = await open('http://live-server.default.svc/socket', { target: { endpoints: feed } });
    expect(server.upgrades[0]?.headers.host).toBe('live-server.default.svc');
    feed.say(draining(server.address));
    expect(ends).toEqual([{ reason: 'NoEndpoints', message: 'no replica of it is ready' }]);
    expect(await call(conversation)).toMatchObject({ kind: 'error' });
    await eventually(() => server.sockets[0]?.readyState === 3, 'with nothing in flight the socket is closed');
  });
});

describe('the end of a socket', () => {
  const hanging = async () => {
    const server = await serve((message) => (message.method === 'tools/call' ? undefined : legacy(message)));
    const opened = await open(server.url);
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
    const server = await serve((message) => {
      if (message.method !== 'tools/call') return legacy(message);
      const { bytes = 0 } = (message.params?.['arguments'] ?? {}) as { bytes?: number };
      return { text: 'x'.repeat(bytes) };
    });
    const { conversation, ends } = await open(server.url, { config });
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
    const server = await serve((message) =>
      message.method?.includes('/') === true && message.method !== 'server/discover' ? undefined : legacy(message),
    );
    const { conversation } = await open(server.url, { request: { resend } });
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
    const server = await serve(legacy);
    const opening = open(server.url, { clock });
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
    const server = await serve(legacy, { protocol: false });
    expect(await why(server.url)).toMatchObject({ reason: 'TransportUnsupported' });
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
    cleanups.push(() => http.close());
    expect(await why(`ws://127.0.0.1:${(http.address() as AddressInfo).port}/`)).toMatchObject({ reason });
  });

  test('nobody there', async () => {
    const http = createServer();
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const { port } = http.address() as AddressInfo;
    await new Promise((resolve) => http.close(resolve));
    expect(await why(`ws://127.0.0.1:${port}/`)).toMatchObject({ reason: 'Unreachable', retryable: true });
  });

  test('a URL with credentials, and one that is none', async () => {
    expect((await why('ws://me:secret@127.0.0.1/')).message).not.toContain('secret');
    expect(await why('ftp://127.0.0.1/')).toMatchObject({ reason: 'StartFailed', retryable: false });
  });

  test('a start given up leaves nothing', async () => {
    const server = await serve(() => undefined);
    const abort = new AbortController();
    const attempt = refusal(
      connector(server.url).connect({ purpose: 'primary', caller: undefined, verdict: undefined }, abort.signal),
    );
    await eventually(() => server.received.length > 0, 'the handshake has begun');
    abort.abort();
    await attempt;
    await eventually(() => server.sockets[0]?.readyState === 3, 'the socket is closed');
  });

  test('protocol: legacy asks only the older way, modern only the newer', async () => {
    const server = await serve(legacy);
    await open(server.url, { config: { protocol: 'legacy' } });
    expect(server.received[0]?.method).toBe('initialize');
    expect(await why(server.url, { config: { protocol: 'modern' } })).toMatchObject({ retryable: false });
    const remembered = await open(server.url, { request: { verdict: 'legacy' } });
    expect(await remembered.conversation.request('ping', emptyObject, 1_000)).toMatchObject({ kind: 'result' });
  });
});

describe('several replicas', () => {
  const url = 'http://live-server.default.svc/socket';
  const two = async () => {
    const servers = [await serve(legacy), await serve(legacy)];
    const feed = new FakeFeed(...servers.map(({ address }) => address));
    return { servers, feed };
  };

  test('one that cannot be reached is left for the next; with none ready there is nothing to open', async () => {
    const server = await serve(legacy);
    const feed = new FakeFeed('127.0.0.1:1', server.address);
    await open(url, { target: { endpoints: feed } });
    await open(url, { target: { endpoints: feed } });
    expect(server.sockets).toHaveLength(2);
    const none = new FakeFeed(draining(server.address));
    expect(await why(url, { target: { endpoints: none } })).toMatchObject({ reason: 'NoEndpoints', retryable: true });
    expect(none.subscribers).toBe(0);
    // Each is tried once, not for ever.
    const nowhere = new FakeFeed('127.0.0.1:1', '127.0.0.1:2');
    expect(await why(url, { target: { endpoints: nowhere } })).toMatchObject({ reason: 'Unreachable' });
  });

  test('a primary conversation whose replica leaves while another is ready is over at once; other changes are nothing to it', async () => {
    const { servers, feed } = await two();
    const { ends } = await open(url, { target: { endpoints: feed } });
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
    const { conversation, ends } = await open(url, {
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

describe('a pipe over a WebSocket', () => {
  const never = (): AbortSignal => new AbortController().signal;
  const dial = async (target: string, change: Partial<SocketPipeOptions> = {}, signal = never()) =>
    openSocketPipe(
      {
        url: new URL(target),
        address: undefined,
        headers: [],
        connectMs: 5_000,
        maxBytes: 1_000_000,
        clock: systemClock,
        ...change,
      },
      signal,
    );
  /** Takes connections and says nothing. */
  const mute = async (): Promise<string> => {
    const http = createNetServer();
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => http.close());
    return `ws://127.0.0.1:${(http.address() as AddressInfo).port}/`;
  };
  const message = '{"jsonrpc":"2.0","method":"x"}' as RawJson;

  test('a server that takes the connection and completes nothing is given up in time', async () => {
    const clock = createTestClock();
    const opening = refusal(dial(await mute(), { clock }));
    await clock.advance(5_000);
    expect(await opening).toMatchObject({ reason: 'Unreachable', message: expect.stringContaining('in time') });
    expect(clock.pending).toBe(0);
  });

  test('given up before it began, and on its way', async () => {
    const url = await mute();
    expect(await refusal(dial(url, {}, AbortSignal.abort()))).toMatchObject({ message: 'given up' });
    const abort = new AbortController();
    const opening = refusal(dial(url, {}, abort.signal));
    abort.abort();
    expect(await opening).toMatchObject({ message: 'given up' });
  });

  test('headers that are no headers', async () => {
    expect(await refusal(dial(await mute(), { headers: ['x\n', 'y'] }))).toMatchObject({
      reason: 'StartFailed',
      retryable: false,
    });
  });

  test('what was said before anybody listened is not lost; what nobody can hear is not taken', async () => {
    const server = await serve(legacy);
    const pipe = await dial(server.url);
    await eventually(() => server.sockets.length === 1, 'the server knows');
    server.sockets[0]?.send(message);
    await eventually(() => server.sockets[0]?.bufferedAmount === 0, 'it is said');
    const heard: string[] = [];
    pipe.onMessage(({ raw }) => heard.push(raw));
    await eventually(() => heard.length === 1, 'it is heard');
    expect(pipe.write(message)).toBe(true);
    await pipe.stop();
    expect([pipe.writable, pipe.write(message)]).toEqual([false, false]);
    const ends: unknown[] = [];
    pipe.onExit((end) => ends.push(end));
    expect(ends).toEqual([{ reason: 'Stopped', message: 'the conversation was ended' }]);
    // Twice is as good as once.
    await pipe.stop();
  });

  test('a server that does not say goodbye is left after a moment', async () => {
    const clock = createTestClock();
    const server = await serve(legacy);
    const pipe = await dial(server.url, { clock });
    await eventually(() => server.sockets.length === 1, 'the server knows');
    server.sockets[0]?.pause();
    const stopping = pipe.stop();
    await clock.advance(socketLimits.goodbyeMs);
    await stopping;
    expect(clock.pending).toBe(0);
  });

  test('any sign of life answers a ping', async () => {
    const clock = createTestClock();
    const server = await serve(legacy);
    const pipe = await dial(server.url, { clock });
    let heard = 0;
    pipe.onMessage(() => heard++);
    for (let round = 1; round <= 3; round++) {
      await clock.advance(socketLimits.pingMs);
      server.sockets[0]?.send(message);
      await eventually(() => heard === round, 'it said something');
    }
    expect(pipe.exit).toBeUndefined();
    await clock.advance(2 * socketLimits.pingMs);
    expect(pipe.exit).toMatchObject({ reason: 'ConnectionLost' });
  });
});
