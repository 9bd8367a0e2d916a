import { describe, expect, test } from 'vitest';

import { protocolError } from '../../exchange/index.ts';
import { rawOf } from '../../wire/index.ts';
import { FakeHub, limitedConfig, serverResult, textResult } from '../fake-hub.ts';
import { initialize, jsonHeaders, legacy, notification, startRig } from './test-http.ts';

const withVersion = (protocolVersion: unknown) => ({
  ...initialize,
  body: { jsonrpc: '2.0', id: 'i', method: 'initialize', params: { protocolVersion, capabilities: {} } },
});

describe('initialize', () => {
  test.each([
    ['2025-11-25', '2025-11-25'],
    ['2025-06-18', '2025-06-18'],
    ['2025-03-26', '2025-03-26'],
    ['2024-11-05', '2024-11-05'],
    ['2026-07-28', '2025-11-25'],
    ['1999-01-01', '2025-11-25'],
  ])('checklist 2: asked for %s, agrees on %s', async (asked, agreed) => {
    await using rig = await startRig();
    const answer = await rig.send(withVersion(asked));
    expect(answer.status).toBe(200);
    expect(answer.headers['mcp-session-id']).toMatch(/^[\x21-\x7e]{1,512}$/);
    expect(answer.json).toEqual({
      jsonrpc: '2.0',
      id: 'i',
      result: {
        protocolVersion: agreed,
        capabilities: { tools: { listChanged: true } },
        serverInfo: { name: 'quaymaster', version: '0.0.0' },
        instructions: 'Be kind.',
      },
    });
  });

  test('bad params are -32602 and open no session', async () => {
    await using rig = await startRig();
    for (const params of [{}, { protocolVersion: 7 }, { protocolVersion: '2025-11-25', capabilities: [] }]) {
      const answer = await rig.send({ ...initialize, body: { jsonrpc: '2.0', id: 1, method: 'initialize', params } });
      expect(answer.json.error.code).toBe(-32602);
      expect(answer.headers['mcp-session-id']).toBeUndefined();
    }
  });

  test('limits.sessions: the limit opens, one more is 503 with Retry-After', async () => {
    await using rig = await startRig(new FakeHub(limitedConfig({ sessions: 2 })));
    await rig.session();
    await rig.session();
    const answer = await rig.send(initialize);
    expect(answer.status).toBe(503);
    expect(answer.headers['retry-after']).toBe('1');
    expect(answer.json).toMatchObject({ id: 0, error: { data: { code: 'QM_OVERLOADED' } } });
    expect(rig.edge.counted.get('limitRejections sessions')).toBe(1);
  });
});

describe('sessions', () => {
  test('EF-29 checklist 3: 400 without an id, 404 with a strange or ended one, DELETE ends it', async () => {
    await using rig = await startRig();
    const id = await rig.session();
    const list = legacy(id, 'tools/list');
    expect((await rig.send(list)).status).toBe(200);
    const missing = await rig.send({ ...list, headers: jsonHeaders });
    expect([missing.status, missing.json.error.code, missing.json.id]).toEqual([400, -32600, 1]);
    expect((await rig.send(legacy(`${id}x`, 'tools/list'))).status).toBe(404);
    const end = { method: 'DELETE', headers: { 'mcp-session-id': id } };
    expect((await rig.send(end)).status).toBe(204);
    expect(rig.hub.endedSessions).toHaveLength(1);
    expect((await rig.send(end)).status).toBe(404);
    const after = await rig.send(list);
    expect([after.status, after.json.error.data.code]).toEqual([404, 'QM_SESSION_NOT_FOUND']);
    expect((await rig.send({ method: 'DELETE' })).status).toBe(400);
  });

  test('EF-29 checklist 20: equal ids of two clients: each gets its own answer, 200 rounds', async () => {
    await using rig = await startRig();
    rig.hub.answer = async (exchange) => {
      await new Promise((resolve) => setImmediate(resolve));
      return textResult(String(exchange.caller.session?.id) + String(exchange.params?.raw.match(/"n":(\d+)/)?.[1]));
    };
    const clients = [await rig.session(), await rig.session()];
    const seen = new Set<string>();
    await Promise.all(
      clients.map(async (client) => {
        let own: string | undefined;
        for (let n = 0; n < 100; n++) {
          const { json } = await rig.send(legacy(client, 'tools/call', { name: 'x', n }, 1));
          const text: string = json.result.content[0].text;
          own ??= text.slice(0, -1);
          expect(text).toBe(`${own}${n}`);
        }
        seen.add(String(own));
      }),
    );
    expect(seen.size).toBe(2);
  });

  test('a session idle for too long is gone', async () => {
    await using rig = await startRig(new FakeHub(limitedConfig({}, { sessionIdleMs: 5000 })));
    const id = await rig.session();
    await rig.edge.clock.advance(6000);
    expect(rig.hub.endedSessions).toHaveLength(1);
    expect((await rig.send(legacy(id, 'ping'))).status).toBe(404);
  });

  test('an unknown MCP-Protocol-Version is 400, a known one and none are fine', async () => {
    await using rig = await startRig();
    const id = await rig.session();
    const ping = legacy(id, 'ping');
    expect(
      (await rig.send({ ...ping, headers: { ...ping.headers, 'mcp-protocol-version': '1999-01-01' } })).status,
    ).toBe(400);
    expect(
      (await rig.send({ ...ping, headers: { ...ping.headers, 'mcp-protocol-version': '2025-06-18' } })).status,
    ).toBe(200);
    expect((await rig.send(ping)).json).toEqual({ jsonrpc: '2.0', id: 1, result: {} });
  });
});

describe('inside a session', () => {
  test('HT-0.01 a call keeps ids, params and result, with the documented edits only', async () => {
    await using rig = await startRig();
    rig.hub.answer = () => serverResult({ resultType: 'complete', content: [], 'x-vendor': { a: 1 } }, 'modern');
    const id = await rig.session();
    const { json, headers } = await rig.send(legacy(id, 'tools/call', { name: 'notes_read', 'x-other': [1] }, '007'));
    expect(headers['content-type']).toBe('application/json');
    expect(json).toEqual({
      jsonrpc: '2.0',
      id: '007',
      result: { content: [], 'x-vendor': { a: 1 }, _meta: { 'dev.quaymaster/upstream': 'notes' } },
    });
    expect(rig.hub.calls[0]).toMatchObject({
      method: 'tools/call',
      caller: { era: 'legacy', revision: '2025-11-25', clientInfo: '{"name":"t","version":"1"}' },
    });
  });

  test('errors of servers come in-band with code, message and data', async () => {
    await using rig = await startRig();
    rig.hub.answer = () => ({ ...protocolError(-32002, 'no such thing', 404, rawOf({ uri: 'x' })), origin: 'server' });
    const answer = await rig.send(legacy(await rig.session(), 'resources/read', { uri: 'x' }));
    expect(answer.status).toBe(200);
    expect(answer.json.error).toEqual({ code: -32002, message: 'no such thing', data: { uri: 'x' } });
  });

  test('notifications and responses are 202 without a body; strange ones are relayed', async () => {
    await using rig = await startRig();
    const id = await rig.session();
    for (const sent of [
      notification(id, 'notifications/initialized'),
      notification(id, 'notifications/com.example/x'),
      { headers: { ...jsonHeaders, 'mcp-session-id': id }, body: { jsonrpc: '2.0', id: 4, result: {} } },
    ]) {
      const answer = await rig.send(sent);
      expect([answer.status, answer.text]).toEqual([202, '']);
    }
    expect(rig.hub.notifications.map(({ method }) => method)).toEqual(['notifications/com.example/x']);
  });

  test('logging/setLevel is kept for the session and travels with its calls', async () => {
    await using rig = await startRig();
    const id = await rig.session();
    expect((await rig.send(legacy(id, 'logging/setLevel', { level: 'loud' }))).json.error.code).toBe(-32602);
    expect((await rig.send(legacy(id, 'logging/setLevel', { level: 'warning' }))).json.result).toEqual({});
    await rig.send(legacy(id, 'tools/call', { name: 'a' }));
    await rig.send(legacy(await rig.session(), 'tools/call', { name: 'a' }));
    expect(rig.hub.calls.map(({ leg }) => leg.logLevel)).toEqual(['warning', undefined]);
  });

  test('an initialize that carries a session id opens another session', async () => {
    await using rig = await startRig();
    const id = await rig.session();
    const again = await rig.send({ ...initialize, headers: { ...jsonHeaders, 'mcp-session-id': id } });
    expect(again.headers['mcp-session-id']).not.toBe(id);
  });

  test('checklist 24: notifications/cancelled finds the call by session and id, and it gets no answer', async () => {
    await using rig = await startRig();
    rig.hub.answer = async (exchange) =>
      new Promise((resolve) => exchange.leg.cancellation.onCancel(() => resolve(textResult('too late'))));
    const [id, other] = [await rig.session(), await rig.session()];
    const call = rig.send(legacy(id, 'tools/call', { name: 'a' }, '1'));
    await expect.poll(() => rig.hub.calls.length).toBe(1);
    const cancel = (session: string, requestId: unknown) =>
      rig.send(notification(session, 'notifications/cancelled', { requestId }));
    await cancel(other, '1');
    await cancel(id, 1);
    expect(rig.hub.calls[0]?.leg.cancellation.cancelled).toBe(false);
    await cancel(id, '1');
    const answer = await call;
    expect([answer.status, answer.text]).toEqual([200, '']);
    expect(rig.hub.calls[0]?.leg.cancellation.reason).toBe('client-cancelled');
    expect((await rig.send(legacy(id, 'ping'))).status).toBe(200);
  });

  test('HT-0.04 a cancellation that overtakes its call keeps it from starting; one that comes after its end stops no later call', async () => {
    await using rig = await startRig();
    const [id, other] = [await rig.session(), await rig.session()];
    const call = (session: string) => rig.send(legacy(session, 'tools/call', { name: 'a' }, '1'));
    const cancel = (session: string) => rig.send(notification(session, 'notifications/cancelled', { requestId: '1' }));
    await cancel(id);
    expect([(await call(id)).text, rig.hub.calls.length]).toEqual(['', 0]);
    // Neither another client's call, nor the next one that this client gives the same id.
    expect([(await call(other)).status, (await call(id)).status, rig.hub.calls.length]).toEqual([200, 200, 2]);
    await cancel(id);
    expect([(await call(id)).status, rig.hub.calls.length]).toEqual([200, 3]);
  });

  test('a duplicate id in flight is -32600; the first call is not disturbed', async () => {
    await using rig = await startRig();
    const gate = Promise.withResolvers<void>();
    rig.hub.answer = async () => gate.promise.then(() => textResult('first'));
    const id = await rig.session();
    const first = rig.send(legacy(id, 'tools/call', { name: 'a' }, 5));
    await expect.poll(() => rig.hub.calls.length).toBe(1);
    const second = await rig.send(legacy(id, 'tools/call', { name: 'a' }, 5));
    expect([second.status, second.json.error.code]).toEqual([400, -32600]);
    gate.resolve();
    expect((await first).json.result.content[0].text).toBe('first');
    expect((await rig.send(legacy(id, 'tools/call', { name: 'a' }, 5))).status).toBe(200);
  });

  test('DELETE cancels what is in flight', async () => {
    await using rig = await startRig();
    rig.hub.answer = async (exchange) =>
      new Promise((resolve) => exchange.leg.cancellation.onCancel(() => resolve(textResult('late'))));
    const id = await rig.session();
    const call = rig.send(legacy(id, 'tools/call', { name: 'a' }));
    await expect.poll(() => rig.hub.calls.length).toBe(1);
    await rig.send({ method: 'DELETE', headers: { 'mcp-session-id': id } });
    await call;
    expect(rig.hub.calls[0]?.leg.cancellation.reason).toBe('client-gone');
  });
});

describe('a hub without the legacy era', () => {
  test('says which versions it has; drops notifications; knows no GET and DELETE', async () => {
    await using rig = await startRig(new FakeHub({ eras: ['modern'] }));
    const answer = await rig.send(initialize);
    expect([answer.status, answer.json.error.code, answer.json.error.data]).toEqual([
      400,
      -32022,
      { supported: ['2026-07-28'], requested: '2025-11-25' },
    ]);
    const unnamed = await rig.send({ headers: jsonHeaders, body: { jsonrpc: '2.0', id: 1, method: 'tools/list' } });
    expect(unnamed.json.error.data).toEqual({ supported: ['2026-07-28'] });
    expect((await rig.send({ headers: jsonHeaders, body: { jsonrpc: '2.0', method: 'n' } })).status).toBe(202);
    expect((await rig.send({ headers: jsonHeaders, body: { jsonrpc: '2.0', id: 1, result: {} } })).status).toBe(400);
    for (const method of ['GET', 'DELETE']) {
      const refused = await rig.send({ method });
      expect([refused.status, refused.headers['allow']]).toEqual([405, 'POST']);
    }
  });
});

describe('batches', () => {
  const ping = (id: number) => ({ jsonrpc: '2.0', id, method: 'ping' });
  const batch = (session: string, body: unknown, headers: Record<string, string> = {}) => ({
    headers: { ...jsonHeaders, 'mcp-session-id': session, ...headers },
    body,
  });

  test('checklist 6: requests are answered together, broken elements by themselves', async () => {
    await using rig = await startRig();
    const id = await rig.session();
    const note = { jsonrpc: '2.0', method: 'notifications/initialized' };
    const answer = await rig.send(batch(id, [ping(1), note, { id: 3 }]));
    expect(answer.status).toBe(200);
    expect(answer.json).toMatchObject([
      { id: 1, result: {} },
      { id: 3, error: { code: -32600 } },
    ]);
    expect((await rig.send(batch(id, [ping(1)], { 'mcp-protocol-version': '2025-03-26' }))).json).toHaveLength(1);
    expect((await rig.send(batch(id, [note]))).status).toBe(202);
    expect((await rig.send(batch(id, [7]))).json).toMatchObject([{ id: null, error: { code: -32600 } }]);
  });

  test('progress of one makes the answer a stream, each answer its own event', async () => {
    await using rig = await startRig();
    rig.hub.answer = async (exchange) => {
      exchange.leg.notify(rawOf({ jsonrpc: '2.0', method: 'notifications/progress' }));
      return textResult('done');
    };
    const stream = await rig.open(
      batch(await rig.session(), [ping(1), { jsonrpc: '2.0', id: 2, method: 'tools/call', params: {} }]),
    );
    await stream.ended;
    expect(stream.messages().map((message) => message.id ?? message.method)).toEqual([1, 'notifications/progress', 2]);
  });

  test.each<[string, unknown, Record<string, string>]>([
    ['on a later revision', [ping(1)], { 'mcp-protocol-version': '2025-06-18' }],
    ['empty', [], {}],
    ['over limits.batch', [ping(1), ping(2), ping(3), ping(4)], {}],
    [
      'with a modern element',
      [ping(1), { ...ping(2), params: { _meta: { 'io.modelcontextprotocol/protocolVersion': 'x' } } }],
      {},
    ],
    ['with an initialize', [{ jsonrpc: '2.0', id: 1, method: 'initialize', params: {} }], {}],
  ])('checklist 6: %s -> 400 -32600', async (_name, body, headers) => {
    await using rig = await startRig();
    const answer = await rig.send(batch(await rig.session(), body, headers));
    expect([answer.status, answer.json.error.code]).toEqual([400, -32600]);
    expect(rig.hub.calls).toEqual([]);
  });

  test('a cancelled element leaves the others their answers', async () => {
    await using rig = await startRig();
    rig.hub.answer = async (exchange) =>
      new Promise((resolve) => exchange.leg.cancellation.onCancel(() => resolve(textResult('late'))));
    const id = await rig.session();
    const sent = rig.send(batch(id, [ping(1), { jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name: 'a' } }]));
    await expect.poll(() => rig.hub.calls.length).toBe(1);
    await rig.send(notification(id, 'notifications/cancelled', { requestId: 2 }));
    expect((await sent).json).toEqual([{ jsonrpc: '2.0', id: 1, result: {} }]);
  });

  test('not JSON inside, and no session', async () => {
    await using rig = await startRig();
    expect((await rig.send(batch(await rig.session(), '[{]'))).json.error.code).toBe(-32700);
    expect((await rig.send({ headers: jsonHeaders, body: [ping(1)] })).status).toBe(400);
  });
});
