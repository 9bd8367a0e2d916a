/** Conversations over real sockets, against a server that answers whatever the test writes. */
import { afterEach, describe, expect, test } from 'vitest';

import type { ServerConfig } from '@quaymaster/crds';

import { silentLogger, systemClock } from '../../base/index.ts';
import { Cancellation, type LaneCall, type Outcome } from '../../exchange/index.ts';
import { silentObserver } from '../../observe/index.ts';
import type { ParamHeader, RawJson } from '../../wire/index.ts';
import { ConnectError, type ConnectRequest, type Conversation } from '../conversation.ts';
import {
  eventually,
  makeCall,
  resultOf,
  serverConfig,
  startTinyServer,
  type TinyReply,
  type TinyRequest,
  type TinyServer,
} from '../testing/index.ts';
import { createHttpConnector, createHttpPool, httpLimits } from './index.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const one of cleanups.splice(0).toReversed()) await one();
});

const discovery = {
  resultType: 'complete',
  supportedVersions: ['2026-07-28'],
  capabilities: { tools: {} },
  instructions: 'be kind',
  _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'tiny', version: '1' } },
};
const initialized = {
  protocolVersion: '2025-06-18',
  capabilities: { tools: {} },
  serverInfo: { name: 'tiny', version: '1' },
};
const legacyRefusal: TinyReply = { status: 400, error: { code: -32_000, message: 'Bad Request: unsupported' } };

type Answer = (request: TinyRequest) => TinyReply | undefined;

/** A modern server; `calls` answers what is not the handshake. */
const modern =
  (calls: Answer = () => ({ result: { resultType: 'complete' } })): Answer =>
  (request) =>
    request.message.method === 'server/discover' ? { result: discovery } : calls(request);

/** A legacy server with one session after the other: `s1`, `s2`... `alive` says which are known. */
function legacy(calls: Answer = () => ({ result: {} }), state = { opened: 0, alive: new Set<string>(), get: false }) {
  const answer: Answer = (request) => {
    const { method, id } = request.message;
    const session = request.headers['mcp-session-id'];
    if (method === 'server/discover') return legacyRefusal;
    if (method === 'initialize') {
      const opened = `s${++state.opened}`;
      state.alive.add(opened);
      return { result: initialized, headers: { 'mcp-session-id': opened } };
    }
    if (typeof session !== 'string' || !state.alive.has(session))
      return { status: 404, error: { code: -32_001, message: 'Session not found' } };
    if (request.verb === 'DELETE') {
      state.alive.delete(session);
      return { status: 200 };
    }
    if (request.verb === 'GET') return state.get ? { events: [], open: true } : { status: 405 };
    return id === undefined ? undefined : calls(request);
  };
  return { answer, state };
}

interface Options {
  readonly config?: Partial<ServerConfig>;
  readonly headers?: Record<string, string>;
  readonly request?: Partial<ConnectRequest>;
}

async function connector(answer: Answer, { config = {}, headers = {} }: Options = {}) {
  const server = await startTinyServer(answer);
  const pool = createHttpPool({ connectionsPerOrigin: 8 });
  cleanups.push(
    () => server.close(),
    () => pool.close(),
  );
  const made = createHttpConnector(
    () => serverConfig(config),
    { kind: 'http', url: server.url, headers },
    {
      clock: systemClock,
      random: () => 0,
      log: silentLogger,
      observer: silentObserver,
      http: pool,
      hubInfo: { name: 'quaymaster', version: '0.0.0' },
    },
  );
  return { server, pool, connector: made };
}

async function open(answer: Answer, options: Options = {}) {
  const made = await connector(answer, options);
  const request = { purpose: 'primary' as const, caller: undefined, verdict: undefined, ...options.request };
  const conversation = await made.connector.connect(request, new AbortController().signal);
  cleanups.push(() => conversation.close('end of test'));
  return { ...made, conversation };
}

const refusal = async (promise: Promise<unknown>): Promise<ConnectError> => {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ConnectError)) throw new Error('expected a ConnectError');
  return error;
};

const connectTo = async (answer: Answer, options: Options = {}): Promise<Conversation> =>
  (await open(answer, options)).conversation;
const call = (
  conversation: Conversation,
  one = makeCall('tools/call', { name: 'echo', arguments: {} }),
): Promise<Outcome> => conversation.send(one.call);
const methods = (server: TinyServer): string[] => server.requests.map((one) => one.message.method ?? one.verb);

describe('protocol row 56: which era a server speaks', () => {
  test('a modern answer is modern, and what it says is kept', async () => {
    const { conversation, server } = await open(modern());
    expect(conversation).toMatchObject({
      era: 'modern',
      revision: '2026-07-28',
      instructions: '"be kind"',
      serverInfo: '{"name":"tiny","version":"1"}',
    });
    expect(methods(server)).toEqual(['server/discover']);
  });

  test.each<[string, TinyReply]>([
    ['400 in the older way', legacyRefusal],
    ['404', { status: 404, body: 'not here' }],
    ['405', { status: 405 }],
    ['406', { status: 406 }],
    ['-32601', { error: { code: -32_601, message: 'no' } }],
    ['a result that is none', { result: {} }],
    [
      'a list of older versions',
      { status: 400, error: { code: -32_022, message: 'no', data: { supported: ['2025-06-18'] } } },
    ],
    ['a cut connection', { cut: true }],
  ])('%s leads to initialize, which never asks for a modern version', async (_name, reply) => {
    const { answer } = legacy();
    const { conversation, server } = await open((one) =>
      one.message.method === 'server/discover' ? reply : answer(one),
    );
    expect(conversation).toMatchObject({ era: 'legacy', revision: '2025-06-18' });
    expect(server.requests[1]?.message.params).toMatchObject({ protocolVersion: '2025-11-25', capabilities: {} });
    expect(methods(server).slice(0, 3)).toEqual(['server/discover', 'initialize', 'notifications/initialized']);
    expect(server.requests[2]?.headers).toMatchObject({ 'mcp-session-id': 's1', 'mcp-protocol-version': '2025-06-18' });
  });

  test('silence leads to initialize in bounded time', async () => {
    const { answer } = legacy();
    const began = performance.now();
    const conversation = await connectTo((one) =>
      one.message.method === 'server/discover' ? { hang: true } : answer(one),
    );
    expect(conversation.era).toBe('legacy');
    expect(performance.now() - began).toBeLessThan(httpLimits.probeMs + 1_000);
  });

  test.each<[string, TinyReply, string]>([
    ['401', { status: 401 }, 'CredentialsRefused'],
    ['403 with a body', { status: 403, error: { code: -32_000, message: 'x' } }, 'CredentialsRefused'],
    ['500', { status: 500, body: 'oops' }, 'Unreachable'],
    ['503 with a legacy error', { status: 503, error: { code: -32_000, message: 'busy' } }, 'Unreachable'],
    ['429', { status: 429 }, 'Unreachable'],
    ['a redirect', { status: 307, headers: { location: 'http://127.0.0.1:1/' } }, 'Unreachable'],
    [
      'an unknown version',
      { status: 400, error: { code: -32_022, message: 'no', data: { supported: ['2031-01-01'] } } },
      'UnsupportedProtocolVersion',
    ],
    ['a header it does not like', { status: 400, error: { code: -32_020, message: 'Mcp-Method' } }, 'HandshakeFailed'],
  ])('%s decides nothing and ends the attempt', async (_name, reply, reason) => {
    const { connector: made, server } = await connector(() => reply);
    const error = await refusal(
      made.connect({ purpose: 'primary', caller: undefined, verdict: undefined }, new AbortController().signal),
    );
    expect(error.reason).toBe(reason);
    expect(methods(server)).toEqual(['server/discover']);
  });

  test('nobody there is Unreachable', async () => {
    const { connector: made, server } = await connector(() => undefined);
    await server.close();
    const error = await refusal(
      made.connect({ purpose: 'primary', caller: undefined, verdict: undefined }, new AbortController().signal),
    );
    expect(error).toMatchObject({
      reason: 'Unreachable',
      retryable: true,
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  test('a remembered or configured era is tried without asking', async () => {
    const { answer } = legacy();
    const remembered = await open(answer, { request: { verdict: 'legacy' } });
    expect(methods(remembered.server)[0]).toBe('initialize');
    const configured = await open(answer, { config: { protocol: 'legacy' } });
    expect(methods(configured.server)[0]).toBe('initialize');
    expect((await refusal(connectTo(answer, { config: { protocol: 'modern' } }))).message).toContain('2026-07-28');
  });

  test('a legacy verdict that is wrong by now leads to the modern handshake', async () => {
    const upgraded: Answer = modern(() => ({ status: 404, error: { code: -32_601, message: 'no' } }));
    expect((await connectTo(upgraded, { request: { verdict: 'legacy' } })).era).toBe('modern');
    expect((await refusal(connectTo(upgraded, { config: { protocol: 'legacy' } }))).retryable).toBe(false);
  });

  test('asks a legacy server whether it was upgraded, without opening anything', async () => {
    const newer = await connector(modern());
    expect(await newer.connector.upgraded?.(new AbortController().signal)).toBe(true);
    const older = await connector(legacy().answer);
    expect(await older.connector.upgraded?.(new AbortController().signal)).toBe(false);
    expect(methods(older.server)).toEqual(['server/discover']);
  });

  test.each<[string, TinyReply, string]>([
    [
      'a version of its own',
      { result: { ...initialized, protocolVersion: '1999-01-01' } },
      'UnsupportedProtocolVersion',
    ],
    ['no version', { result: {} }, 'UnsupportedProtocolVersion'],
    ['an error', { error: { code: -32_603, message: 'broken' } }, 'HandshakeFailed'],
    ['a web page', { body: '<html>', headers: { 'content-type': 'text/html' } }, 'HandshakeFailed'],
    ['a session id with blanks', { result: initialized, headers: { 'mcp-session-id': 'a b' } }, 'HandshakeFailed'],
    [
      'a session id without end',
      { result: initialized, headers: { 'mcp-session-id': 'x'.repeat(1_025) } },
      'HandshakeFailed',
    ],
  ])('initialize answered with %s is refused', async (_name, reply, reason) => {
    const answer: Answer = (one) => (one.message.method === 'initialize' ? reply : legacyRefusal);
    expect((await refusal(connectTo(answer))).reason).toBe(reason);
  });

  test('the HTTP+SSE transport of 2024-11-05 is recognised and named', async () => {
    const answer: Answer = (one) => (one.verb === 'GET' ? { events: [], open: true } : { status: 405 });
    const { connector: made } = await connector((one) => {
      if (one.verb !== 'GET') return answer(one);
      one.response.writeHead(200, { 'content-type': 'text/event-stream' });
      one.response.write('event: endpoint\ndata: /messages?id=1\n\n');
      return { hang: true };
    });
    const error = await refusal(
      made.connect({ purpose: 'primary', caller: undefined, verdict: undefined }, new AbortController().signal),
    );
    expect(error).toMatchObject({ reason: 'TransportUnsupported', retryable: false });
  });

  test('a start given up leaves no connection behind', async () => {
    const { connector: made, pool, server } = await connector(() => ({ hang: true }));
    const abort = new AbortController();
    const attempt = refusal(made.connect({ purpose: 'primary', caller: undefined, verdict: undefined }, abort.signal));
    await eventually(() => server.requests.length > 0, 'the handshake begins');
    abort.abort();
    expect((await attempt).message).toBeDefined();
    expect(pool.stats()).toEqual([]);
    await eventually(() => server.open === 0, 'the connection is closed');
  });
});

describe('what a modern request carries', () => {
  test("envelope, mirrored headers, own id and token; the client's never leave the hub", async () => {
    const { conversation, server } = await open(modern(), {
      headers: { authorization: 'Bearer s3cret', 'Mcp-Method': 'forged' },
    });
    const params = {
      name: 'wetter_ü',
      arguments: { region: 'west' },
      _meta: { traceparent: 't', progressToken: 'client', 'dev.quaymaster/x': 1 },
    };
    const one = makeCall('tools/call', params, { leg: { progressToken: '"client"' as RawJson, logLevel: 'info' } });
    resultOf(await call(conversation, one));
    const sent = server.requests[1];
    expect(sent?.headers).toMatchObject({
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      authorization: 'Bearer s3cret',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': '=?base64?d2V0dGVyX8O8?=',
    });
    expect(sent?.message['id']).toBe(1);
    expect(sent?.message.params).toEqual({
      name: 'wetter_ü',
      arguments: { region: 'west' },
      _meta: {
        'io.modelcontextprotocol/protocolVersion': '2026-07-28',
        'io.modelcontextprotocol/clientCapabilities': {},
        'io.modelcontextprotocol/clientInfo': { name: 'quaymaster', version: '0.0.0' },
        'io.modelcontextprotocol/logLevel': 'info',
        progressToken: 1,
        traceparent: 't',
      },
    });
  });

  test('protocol row 10: declared parameters are mirrored from the arguments, undeclared ones pass', async () => {
    const { conversation, server } = await open(modern());
    const declared: ParamHeader[] = [{ header: 'mcp-param-region', path: ['region'], type: 'string' }];
    const one = makeCall(
      'tools/call',
      { name: 'a', arguments: { region: 'süd' } },
      {
        call: { paramHeaders: declared },
        exchange: { paramHeaders: { 'mcp-param-region': 'forged', 'mcp-param-tenant': 't1', authorization: 'no' } },
      },
    );
    await call(conversation, one);
    const headers = server.requests[1]?.headers;
    expect(headers).toMatchObject({ 'mcp-param-region': '=?base64?c8O8ZA==?=', 'mcp-param-tenant': 't1' });
    expect(headers?.['authorization']).toBeUndefined();
  });

  test('edits of the router are in the body, and methods without a name have no Mcp-Name', async () => {
    const { conversation, server } = await open(modern());
    const one = makeCall('completion/complete', { ref: {}, x: 1 }, { call: { edits: [['x', '2' as RawJson]] } });
    await call(conversation, one);
    expect(server.requests[1]?.message.params).toMatchObject({ ref: {}, x: 2 });
    expect(server.requests[1]?.headers['mcp-name']).toBeUndefined();
    conversation.notify?.('notifications/vendor', '{"a":1}' as RawJson);
    await eventually(() => server.requests.length === 3, 'the notification arrives');
    expect(server.requests[2]?.headers['mcp-method']).toBe('notifications/vendor');
  });
});

const progress = (token: unknown, n: number) => ({
  jsonrpc: '2.0',
  method: 'notifications/progress',
  params: { progressToken: token, progress: n },
});
const complete = (id: unknown) => ({ jsonrpc: '2.0', id, result: { resultType: 'complete', ok: true } });

describe.each(['modern', 'legacy'] as const)('answers of a %s server', (era) => {
  const serving = (calls: Answer): Answer => (era === 'modern' ? modern(calls) : legacy(calls).answer);
  const id = (one: TinyRequest): unknown => one.message['id'];

  test('protocol row 22: progress in order, also the one written together with the answer, none after it', async () => {
    const conversation = await connectTo(
      serving((one) => {
        const token = (one.message.params?.['_meta'] as { progressToken?: unknown } | undefined)?.progressToken;
        return {
          events: [
            '',
            progress(token, 1),
            progress(token, 2),
            progress('other', 9),
            complete(id(one)),
            progress(token, 3),
          ],
        };
      }),
    );
    const one = makeCall('tools/call', { name: 'a' }, { leg: { progressToken: '0' as RawJson } });
    expect(resultOf(await call(conversation, one))).toMatchObject({ ok: true });
    expect(one.notes.map((note) => JSON.parse(note).params)).toEqual([
      { progressToken: 0, progress: 1 },
      { progressToken: 0, progress: 2 },
    ]);
    expect(conversation.inFlight).toBe(0);
  });

  test('protocol row 36: logs go only to requests that want them, at their level', async () => {
    const log = (level: string) => ({
      jsonrpc: '2.0',
      method: 'notifications/message',
      params: { level, data: level },
    });
    const conversation = await connectTo(
      serving((one) => ({ events: [log('debug'), log('error'), log('odd'), complete(id(one))] })),
    );
    const levels = async (logLevel: string | undefined, callerEra: 'modern' | 'legacy'): Promise<string[]> => {
      const one = makeCall('tools/call', { name: 'a' }, { leg: { logLevel }, caller: { era: callerEra } });
      await call(conversation, one);
      return one.notes.map((note) => JSON.parse(note).params.level);
    };
    expect(await levels(undefined, 'modern')).toEqual([]);
    expect(await levels('warning', 'modern')).toEqual(['error', 'odd']);
    expect(await levels(undefined, 'legacy')).toEqual(['debug', 'error', 'odd']);
  });

  test('vendor notifications stay with their request; list changes go to who watches the server', async () => {
    const conversation = await connectTo(
      serving((one) => ({
        events: [
          { jsonrpc: '2.0', method: 'notifications/vendor', params: { x: 1 } },
          { jsonrpc: '2.0', method: 'notifications/tools/list_changed' },
          { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } },
          complete(id(one)),
        ],
      })),
    );
    const heard: string[] = [];
    conversation.onNotification((method) => heard.push(method));
    const one = makeCall('tools/call', { name: 'a' });
    await call(conversation, one);
    expect(one.notes).toEqual(['{"jsonrpc":"2.0","method":"notifications/vendor","params":{"x":1}}']);
    expect(heard).toEqual(['notifications/tools/list_changed']);
  });

  test.each<[string, (one: TinyRequest) => TinyReply, string]>([
    ['another id', (one) => ({ body: JSON.stringify(complete(Number(id(one)) + 1)) }), 'QM_UPSTREAM_PROTOCOL'],
    [
      'another id on a stream',
      (one) => ({ events: [complete('x'), complete(`${String(id(one))}`)] }),
      'QM_UPSTREAM_PROTOCOL',
    ],
    ['rubbish', () => ({ body: '{"jsonrpc":' }), 'QM_UPSTREAM_PROTOCOL'],
    ['a web page', () => ({ body: '<html>', headers: { 'content-type': 'text/html' } }), 'QM_UPSTREAM_PROTOCOL'],
    [
      'a result that is no object',
      (one) => ({ body: `{"jsonrpc":"2.0","id":${String(id(one))},"result":[1]}` }),
      'QM_UPSTREAM_PROTOCOL',
    ],
    ['nothing', () => ({ status: 202 }), 'QM_UPSTREAM_PROTOCOL'],
    [
      'a notification as body',
      () => ({ body: '{"jsonrpc":"2.0","method":"notifications/x"}' }),
      'QM_UPSTREAM_PROTOCOL',
    ],
    ['a stream without an answer', () => ({ events: [] }), 'QM_SERVER_GONE'],
    ['a cut connection', () => ({ cut: true }), 'QM_SERVER_GONE'],
    ['a redirect', () => ({ status: 302, headers: { location: 'http://127.0.0.1:1/' } }), 'QM_UPSTREAM_PROTOCOL'],
    ['401', () => ({ status: 401 }), 'QM_SERVER_FAILED'],
    ['429', () => ({ status: 429 }), 'QM_SERVER_FAILED'],
    ['503', () => ({ status: 503, body: 'busy' }), 'QM_SERVER_FAILED'],
    ['500', () => ({ status: 500, body: 'oops' }), 'QM_SERVER_STATUS'],
    ['422', () => ({ status: 422, body: 'no' }), 'QM_UPSTREAM_PROTOCOL'],
    [
      'a body it was not asked for',
      () => ({ body: 'zzz', headers: { 'content-encoding': 'br' } }),
      'QM_UPSTREAM_PROTOCOL',
    ],
  ])('%s becomes one error of the table', async (_name, reply, errorCode) => {
    const conversation = await connectTo(serving(reply));
    expect(await call(conversation)).toMatchObject({ kind: 'error', origin: 'hub', errorCode });
    expect(conversation.inFlight).toBe(0);
  });

  test('the first of two answers counts; a batch of them is read (2025-03-26)', async () => {
    const conversation = await connectTo(
      serving((one) => {
        const second = { ...complete(id(one)), result: { resultType: 'complete', second: true } };
        return one.message.params?.['name'] === 'batch'
          ? { events: [[progress(1, 1), complete(id(one))]] }
          : { events: [complete(id(one)), second] };
      }),
    );
    expect(resultOf(await call(conversation))).toMatchObject({ ok: true });
    expect(resultOf(await call(conversation, makeCall('tools/call', { name: 'batch' })))).toMatchObject({ ok: true });
  });

  test('protocol row 45: an error of the server keeps code, message and data, whatever its status', async () => {
    for (const status of [200, 500]) {
      const conversation = await connectTo(
        serving(() => ({ status, error: { code: -32_055, message: 'näh', data: [1] } })),
      );
      expect(await call(conversation)).toMatchObject({ origin: 'server', code: -32_055, message: 'näh', data: '[1]' });
    }
  });

  test('a body past the limit is refused without being kept', async () => {
    const conversation = await connectTo(serving(() => ({ body: `"${'x'.repeat(httpLimits.responseBytes)}"` })));
    expect(await call(conversation)).toMatchObject({
      errorCode: 'QM_UPSTREAM_PROTOCOL',
      message: expect.stringContaining('larger than'),
    });
    const streamed = await connectTo(
      serving(() => ({ events: ['x'.repeat(httpLimits.responseBytes + 1)], open: true })),
    );
    expect(await call(streamed)).toMatchObject({
      errorCode: 'QM_UPSTREAM_PROTOCOL',
      message: expect.stringContaining('larger than'),
    });
  });

  test('protocol row 25: time without progress, and time in all, are bounded', async () => {
    const timeouts = { ...serverConfig().timeouts, callMs: 80, callMaxMs: 300 };
    const silent = await connectTo(
      serving(() => ({ hang: true })),
      { config: { timeouts } },
    );
    expect(await call(silent)).toMatchObject({ errorCode: 'QM_CALL_TIMEOUT' });
    const busy = await connectTo(
      serving((one) => {
        const token = (one.message.params?.['_meta'] as { progressToken?: unknown } | undefined)?.progressToken;
        const timer = setInterval(() => one.response.write(`data: ${JSON.stringify(progress(token, 1))}\n\n`), 20);
        one.response.on('close', () => clearInterval(timer));
        return { events: [], open: true };
      }),
      { config: { timeouts } },
    );
    const began = performance.now();
    const one = makeCall('tools/call', { name: 'a' }, { leg: { progressToken: '1' as RawJson } });
    expect(await call(busy, one)).toMatchObject({ errorCode: 'QM_CALL_TIMEOUT' });
    expect(performance.now() - began).toBeGreaterThan(250);
  });

  test('protocol row 23: cancelling stops the work at the server; before it was sent it is never sent', async () => {
    const { conversation, server } = await open(serving(() => ({ hang: true })));
    const one = makeCall('tools/call', { name: 'a' });
    const answer = call(conversation, one);
    await eventually(() => methods(server).includes('tools/call'), 'the call arrives');
    one.leg.cancellation.cancel('client-gone');
    expect(await answer).toMatchObject({ errorCode: 'QM_CANCELLED' });
    if (era === 'modern') await eventually(() => server.open === 0, 'the stream is closed');
    else {
      await eventually(() => methods(server).includes('notifications/cancelled'), 'the notification arrives');
      expect(server.requests.at(-1)?.message.params).toMatchObject({ requestId: 1 });
    }
    const early = makeCall('tools/call', { name: 'b' });
    early.leg.cancellation.cancel('client-gone');
    expect(await call(conversation, early)).toMatchObject({ errorCode: 'QM_CANCELLED' });
    const late = makeCall('tools/call', { name: 'c' });
    const withdrawn = call(conversation, late);
    late.leg.cancellation.cancel('client-gone');
    expect(await withdrawn).toMatchObject({ errorCode: 'QM_CANCELLED' });
    expect(server.requests.some((sent) => sent.message.params?.['name'] === 'b')).toBe(false);
  });

  test('an answered stream that stays open is cut, and does not hold the call', async () => {
    const { conversation, server } = await open(serving((one) => ({ events: [complete(id(one))], open: true })));
    expect(resultOf(await call(conversation))).toMatchObject({ ok: true });
    await conversation.close('done');
    await eventually(() => server.open === 0, 'nothing stays open');
  });

  test('EF-31 a call that was never sent goes back once; one that was sent does not, unless it only reads', async () => {
    const sentAgain: LaneCall[] = [];
    const resend = (one: LaneCall): Promise<Outcome> | undefined => {
      if (sentAgain.includes(one)) return undefined;
      sentAgain.push(one);
      return Promise.resolve({ kind: 'ready', result: '{}' as RawJson });
    };
    let suspected = 0;
    const request = { resend, suspect: () => suspected++ };
    const { conversation, server } = await open(
      serving(() => ({ cut: true })),
      { request },
    );
    const ended: string[] = [];
    conversation.onClosed((end) => ended.push(end.reason));
    expect(await call(conversation)).toMatchObject({ errorCode: 'QM_SERVER_GONE' });
    expect(sentAgain).toHaveLength(0);
    const read = makeCall('resources/read', { uri: 'a:b' });
    expect(await call(conversation, read)).toMatchObject({ kind: 'ready' });
    expect(await call(conversation, read)).toMatchObject({ errorCode: 'QM_SERVER_GONE' });
    expect(suspected).toBe(3);
    await server.close();
    const one = makeCall('tools/call', { name: 'a' });
    expect(await call(conversation, one)).toMatchObject({ kind: 'ready' });
    expect(ended).toEqual(['Unreachable']);
    expect(await call(conversation, one)).toMatchObject({ errorCode: 'QM_SERVER_FAILED' });
    expect(await conversation.request('ping', '{}' as RawJson, 100)).toMatchObject({ errorCode: 'QM_SERVER_FAILED' });
  });

  test("the hub's own requests: a connection closed while idle is no failure, silence is", async () => {
    let cut = true;
    const conversation = await connectTo(
      serving((one) => {
        if (one.message.method === 'tools/list' && cut) {
          cut = false;
          return { cut: true };
        }
        return one.message.method === 'hang' ? { hang: true } : { result: { resultType: 'complete', tools: [] } };
      }),
    );
    expect(await conversation.request('tools/list', '{"cursor":"1"}' as RawJson, 1_000)).toMatchObject({
      kind: 'result',
    });
    expect(await conversation.request('hang', '{}' as RawJson, 30)).toMatchObject({ errorCode: 'QM_CALL_TIMEOUT' });
  });

  test('closing answers every call in flight and ends the session', async () => {
    const { conversation, server, pool } = await open(serving(() => ({ hang: true })));
    const answer = call(conversation);
    await eventually(() => methods(server).includes('tools/call'), 'the call arrives');
    await conversation.close('restarted');
    expect(await answer).toMatchObject({ errorCode: 'QM_SERVER_GONE', message: expect.stringContaining('restarted') });
    expect(methods(server).includes('DELETE')).toBe(era === 'legacy');
    expect(pool.stats()).toEqual([]);
  });
});

describe('only modern', () => {
  test('a 400 in the older way ends the conversation: the verdict was wrong, the call goes back', async () => {
    const resend = (): Promise<Outcome> => Promise.resolve({ kind: 'ready', result: '{}' as RawJson });
    for (const code of [-32_022, -32_000]) {
      const conversation = await connectTo(
        modern(() => ({ status: 400, error: { code, message: 'session required' } })),
        { request: { resend } },
      );
      const ended: string[] = [];
      conversation.onClosed((end) => ended.push(end.reason));
      expect(await call(conversation)).toMatchObject({ kind: 'ready' });
      expect(ended).toEqual(['HandshakeFailed']);
    }
  });

  test('protocol row 34: listens for the changes the server announces, again after a break, and then reads all lists', async () => {
    const listens: TinyRequest[] = [];
    const announcing = {
      ...discovery,
      capabilities: { tools: { listChanged: true }, prompts: {}, resources: { listChanged: true } },
    };
    const { conversation, server } = await open((one) => {
      if (one.message.method !== 'subscriptions/listen') return { result: announcing };
      listens.push(one);
      const sid = { 'io.modelcontextprotocol/subscriptionId': one.message['id'] };
      return {
        events: [
          { jsonrpc: '2.0', method: 'notifications/subscriptions/acknowledged', params: { _meta: sid } },
          { jsonrpc: '2.0', method: 'notifications/tools/list_changed', params: { _meta: sid } },
        ],
        open: true,
      };
    });
    const heard: string[] = [];
    conversation.onNotification((method) => heard.push(method));
    expect(listens[0]?.message.params).toMatchObject({
      notifications: { toolsListChanged: true, resourcesListChanged: true },
    });
    expect(listens[0]?.headers['mcp-method']).toBe('subscriptions/listen');
    listens[0]?.response.end();
    await eventually(() => listens.length === 2, 'it listens again');
    await eventually(() => heard.length >= 4, 'all lists are said to have changed');
    expect(new Set(heard)).toEqual(
      new Set([
        'notifications/tools/list_changed',
        'notifications/prompts/list_changed',
        'notifications/resources/list_changed',
      ]),
    );
    await server.close();
    const ended = new Promise((resolve) => conversation.onClosed(({ reason }) => resolve(reason)));
    expect(await ended).toBe('Unreachable');
  });

  test('a server that refuses to be listened to is not asked again', async () => {
    let listens = 0;
    const announcing = { ...discovery, capabilities: { tools: { listChanged: true } } };
    const { conversation } = await open((one) => {
      if (one.message.method !== 'subscriptions/listen') return { result: announcing };
      listens++;
      return { status: 404, error: { code: -32_601, message: 'no' } };
    });
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect([listens, conversation.era]).toEqual([1, 'modern']);
  });

  test('conversations of single clients do not listen', async () => {
    const announcing = { ...discovery, capabilities: { tools: { listChanged: true } } };
    const { server } = await open(() => ({ result: announcing }), { request: { purpose: 'client' } });
    expect(methods(server)).toEqual(['server/discover']);
  });
});

describe('only legacy', () => {
  test('protocol row 57: a lost session is opened anew once for all, calls are repeated, lists read again', async () => {
    const { answer, state } = legacy((one) => ({ result: { name: one.message.params?.['name'] } }));
    const sentAgain = new Set<LaneCall>();
    const holder: { conversation?: Conversation } = {};
    const resend = (one: LaneCall): Promise<Outcome> | undefined => {
      if (sentAgain.has(one)) return undefined;
      sentAgain.add(one);
      return holder.conversation?.send(one);
    };
    const { conversation, server } = await open(answer, { request: { resend } });
    holder.conversation = conversation;
    const heard: string[] = [];
    conversation.onNotification((method) => heard.push(method));
    state.alive.clear();
    const names = ['a', 'b', 'c', 'd', 'e'];
    const outcomes = await Promise.all(names.map((name) => call(conversation, makeCall('tools/call', { name }))));
    expect(outcomes.map((one) => resultOf(one)['name'])).toEqual(names);
    expect(methods(server).filter((one) => one === 'initialize')).toHaveLength(2);
    expect(heard).toEqual(['notifications/tools/list_changed']);
    state.alive.clear();
    expect(await conversation.request('tools/list', '{}' as RawJson, 1_000)).toMatchObject({ kind: 'result' });
  });

  test('400 with the word session means the same to widely used servers; -32601 as 404 does not', async () => {
    const replies: TinyReply[] = [
      { status: 400, error: { code: -32_000, message: 'Bad Request: No valid session ID provided' } },
      { status: 404, error: { code: -32_601, message: 'no such method' } },
    ];
    const { answer, state } = legacy(() => replies.shift() ?? { result: {} });
    const holder: { conversation?: Conversation } = {};
    const conversation = await connectTo(answer, { request: { resend: (one) => holder.conversation?.send(one) } });
    holder.conversation = conversation;
    expect(await call(conversation)).toMatchObject({ origin: 'server', code: -32_601, httpStatus: 404 });
    expect(state.opened).toBe(2);
  });

  test('a session that cannot be opened anew ends the conversation', async () => {
    const { answer, state } = legacy();
    let broken = false;
    const { conversation } = await open((one) =>
      broken && one.message.method === 'initialize' ? { status: 500 } : answer(one),
    );
    const ended = new Promise((resolve) => conversation.onClosed(({ reason }) => resolve(reason)));
    broken = true;
    state.alive.clear();
    expect(await call(conversation)).toMatchObject({ errorCode: 'QM_SERVER_FAILED' });
    expect(await ended).toBe('HandshakeFailed');
  });

  test('a server upgraded to the newer era only ends the conversation', async () => {
    let upgraded = false;
    const { answer } = legacy();
    const { conversation } = await open((one) =>
      upgraded
        ? { status: 400, error: { code: -32_022, message: 'no', data: { supported: ['2026-07-28'] } } }
        : answer(one),
    );
    upgraded = true;
    const ended = new Promise((resolve) => conversation.onClosed(({ reason }) => resolve(reason)));
    expect(await call(conversation)).toMatchObject({ errorCode: 'QM_UPSTREAM_PROTOCOL' });
    expect(await ended).toBe('HandshakeFailed');
  });

  test('requests of the server are answered: ping with {}, everything else with -32601', async () => {
    const asking = (one: TinyRequest): TinyReply => ({
      events: [
        { jsonrpc: '2.0', id: 'p', method: 'ping' },
        { jsonrpc: '2.0', id: 7, method: 'sampling/createMessage', params: {} },
        complete(one.message['id']),
      ],
    });
    const { conversation, server } = await open(legacy(asking).answer);
    await call(conversation);
    const answers = (): unknown[] =>
      server.requests
        .filter((one) => one.message['result'] !== undefined || one.message['error'] !== undefined)
        .map((one) => one.message);
    await eventually(() => answers().length === 2, 'both answers arrive');
    expect(answers()).toContainEqual({ jsonrpc: '2.0', id: 'p', result: {} });
    expect(answers()).toContainEqual({
      jsonrpc: '2.0',
      id: 7,
      error: { code: -32_601, message: 'sampling/createMessage is not offered by this client' },
    });
  });

  test('what the server says unasked comes on the GET stream; a server without one is left in peace', async () => {
    const streams: TinyRequest[] = [];
    const { answer, state } = legacy();
    state.get = true;
    const { conversation } = await open((one) => {
      if (one.verb === 'GET') streams.push(one);
      return answer(one);
    });
    expect(streams[0]?.headers).toMatchObject({
      accept: 'text/event-stream',
      'mcp-session-id': 's1',
      'mcp-protocol-version': '2025-06-18',
    });
    expect(streams[0]?.headers['content-type']).toBeUndefined();
    const heard: string[] = [];
    conversation.onNotification((method) => heard.push(method));
    streams[0]?.response.write(
      'data: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n\ndata: rubbish\n\n',
    );
    await eventually(() => heard.length === 1, 'the change is heard');
    streams[0]?.response.destroy();
    await eventually(() => streams.length === 2, 'it is opened again');
    await eventually(() => heard.length === 2, 'a change may have been missed');
    const without = await open(legacy().answer);
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(without.server.requests.filter((one) => one.verb === 'GET')).toHaveLength(1);
  });

  test('a session lost while only the GET stream is open is noticed there', async () => {
    const { answer, state } = legacy();
    state.get = true;
    const streams: TinyRequest[] = [];
    await open((one) => {
      if (one.verb === 'GET') streams.push(one);
      return answer(one);
    });
    state.alive.clear();
    streams[0]?.response.end();
    await eventually(() => state.opened === 2, 'a new session');
    await eventually(() => streams.length >= 3, 'a new stream');
  });
});

class CountingCancellation extends Cancellation {
  listening = 0;

  override onCancel(listener: () => void): () => void {
    this.listening++;
    const off = super.onCancel(listener);
    return () => {
      this.listening--;
      off();
    };
  }
}

describe('HS-15 connections', () => {
  test('1,000 calls open no more sockets than allowed, and none after the end', async () => {
    const { conversation, server, pool } = await open(modern());
    const outcomes = await Promise.all(Array.from({ length: 1_000 }, () => call(conversation)));
    expect(outcomes.every((one) => one.kind === 'result')).toBe(true);
    expect(server.connections).toBeLessThanOrEqual(8);
    expect(pool.stats()[0]).toMatchObject({ running: 0, queued: 0 });
    await conversation.close('done');
    expect(pool.stats()).toEqual([]);
  });

  test('protocol row 60: 10,000 calls leave no listener, timer or handle behind', async () => {
    const { conversation } = await open(modern());
    const cancellation = new CountingCancellation();
    const one = makeCall('tools/call', { name: 'a' }, { leg: { cancellation } });
    const round = async (count: number): Promise<void> => {
      const next = async (): Promise<void> => {
        while (count-- > 0) if ((await conversation.send(one.call)).kind !== 'result') throw new Error('a call failed');
      };
      await Promise.all(Array.from({ length: 32 }, next));
    };
    await round(500);
    const before = process.getActiveResourcesInfo().length;
    await round(10_000);
    expect(process.getActiveResourcesInfo().length).toBeLessThanOrEqual(before + 4);
    expect(conversation.inFlight).toBe(0);
    expect(cancellation.listening).toBe(0);
  });

  test('calls in flight are bounded', async () => {
    const { conversation } = await open(modern(() => ({ hang: true })));
    for (let n = 0; n < httpLimits.inFlight; n++) void call(conversation);
    expect(await call(conversation)).toMatchObject({ errorCode: 'QM_OVERLOADED' });
  });

  test('two conversations share the connections of an origin', async () => {
    const { conversation, connector: made, pool } = await open(modern());
    const second = await made.connect(
      { purpose: 'client', caller: undefined, verdict: 'modern' },
      new AbortController().signal,
    );
    expect(pool.stats()).toHaveLength(1);
    await conversation.close('one');
    expect(resultOf(await call(second))).toBeDefined();
    await second.close('two');
    expect(pool.stats()).toEqual([]);
  });
});

describe('configured headers', () => {
  test.each([
    ['a URL that is none', 'nonsense', {}],
    ['another scheme', 'ftp://x/', {}],
    ['a password in the URL', 'http://u:s3cret@127.0.0.1/', {}],
    ['a header name with a blank', 'http://127.0.0.1/', { 'x y': 's3cret' }],
    ['a header value with a line break', 'http://127.0.0.1/', { authorization: 's3cret\r\nx: y' }],
  ])('%s is refused without repeating the value', async (_name, url, headers) => {
    const pool = createHttpPool();
    const deps = {
      clock: systemClock,
      random: () => 0,
      log: silentLogger,
      observer: silentObserver,
      http: pool,
      hubInfo: { name: 'q', version: '0' },
    };
    const made = createHttpConnector(
      () => serverConfig(),
      { kind: 'http', url, headers: headers as Record<string, string> },
      deps,
    );
    const error = await refusal(
      made.connect({ purpose: 'primary', caller: undefined, verdict: undefined }, new AbortController().signal),
    );
    expect(error.retryable).toBe(false);
    expect(error.message).not.toContain('s3cret');
  });
});
