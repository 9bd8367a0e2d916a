import { afterEach, describe, expect, test } from 'vitest';

import {
  type Answer,
  closeWorld,
  connector,
  connectTo,
  eventually,
  initialized,
  legacy,
  legacyRefusal,
  methods,
  modern,
  open,
  refusal,
  type TinyReply,
} from '../testing/index.ts';
import { httpLimits } from './index.ts';

afterEach(closeWorld);

describe('checklist 56: which era a server speaks', () => {
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
