/** HTTP+SSE of 2024-11-05 toward clients, over real sockets. */
import { describe, expect, test } from 'vitest';

import type { Outcome } from '../../exchange/index.ts';
import { memberString, rawOf } from '../../wire/index.ts';
import { FakeHub, limitedConfig, textResult } from '../fake-hub.ts';
import { gated, jsonHeaders, type OpenStream, type Rig, startRig } from './test-http.ts';

const events = { accept: 'text/event-stream' };
const served = { transports: { sse: true, websocket: false } };
const withSse = (extra = {}) => new FakeHub({ ...served, ...extra });
const parameters = {
  protocolVersion: '2024-11-05',
  capabilities: { roots: {} },
  clientInfo: { name: 'old', version: '1' },
};

interface Old {
  readonly stream: OpenStream;
  readonly address: string;
  /** Messages so far. */
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly heard: () => any[];
  readonly post: (body: unknown) => ReturnType<Rig['send']>;
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly ask: (method: string, params?: unknown, id?: unknown) => Promise<any>;
}

async function open(rig: Rig, headers: Record<string, string> = {}): Promise<Old> {
  const stream = await rig.open({ method: 'GET', path: '/mcp/sse', headers: { ...events, ...headers } });
  await expect.poll(() => stream.text()).toContain('event: endpoint');
  const [, address = ''] = /event: endpoint\n(?:id: .*\n)?data: (.*)\n/.exec(stream.text()) ?? [];
  const heard = () =>
    [...stream.text().matchAll(/event: message\n(?:id: .*\n)?data: (.*)\n/g)].map(([, data]) => JSON.parse(data ?? ''));
  const post = async (body: unknown) =>
    rig.send({ path: address, headers: { 'content-type': 'application/json' }, body });
  return {
    stream,
    address,
    heard,
    post,
    ask: async (method, params, id = method) => {
      expect((await post({ jsonrpc: '2.0', id, method, params })).status).toBe(202);
      await expect.poll(() => heard().some((one) => one.id === id)).toBe(true);
      return heard().find((one) => one.id === id);
    },
  };
}

async function connected(rig: Rig, headers: Record<string, string> = {}): Promise<Old> {
  const old = await open(rig, headers);
  await old.ask('initialize', parameters);
  await old.post({ jsonrpc: '2.0', method: 'notifications/initialized' });
  return old;
}

describe('HT-0.13 a client of HTTP+SSE', () => {
  test('gets an address to post to, and its answers on the stream', async () => {
    await using rig = await startRig(withSse());
    const old = await open(rig);
    expect(old.stream.response.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'x-accel-buffering': 'no',
    });
    expect(old.address).toMatch(/^\/mcp\/messages\?sessionId=[A-Za-z0-9_-]{60,}$/);
    expect(old.stream.text()).toContain('retry: 1000\n');
    const opened = await old.ask('initialize', parameters, 0);
    expect(opened.result).toMatchObject({ protocolVersion: '2024-11-05', serverInfo: { name: 'quaymaster' } });
    expect((await old.ask('tools/call', { name: 'a' }, 'x')).result.content[0].text).toBe('did tools/call');
    expect(rig.hub.calls[0]?.caller).toMatchObject({ era: 'legacy', revision: '2024-11-05' });
  });

  test('is served only where the manifest says so, and only in the legacy era', async () => {
    for (const hub of [
      new FakeHub(),
      new FakeHub({ transports: { sse: false, websocket: true } }),
      withSse({ eras: ['modern'] }),
    ]) {
      await using rig = await startRig(hub);
      expect((await rig.send({ method: 'GET', path: '/mcp/sse', headers: events })).status).toBe(404);
      expect((await rig.send({ path: '/mcp/messages?sessionId=a', headers: jsonHeaders, body: {} })).status).toBe(404);
    }
  });

  test('other methods at its paths are 405, which tells clients that know both which transport this is', async () => {
    await using rig = await startRig(withSse());
    const posted = await rig.send({ path: '/mcp/sse', headers: jsonHeaders, body: {} });
    expect([posted.status, posted.headers.allow]).toEqual([405, 'GET']);
    expect((await rig.send({ method: 'GET', path: '/mcp/messages', headers: events })).status).toBe(405);
    expect((await rig.send({ method: 'OPTIONS', path: '/mcp/sse' })).status).toBe(204);
    expect((await rig.send({ method: 'GET', path: '/mcp/sse', headers: { accept: 'application/json' } })).status).toBe(
      406,
    );
  });

  test('HS-07 foreign pages and foreign hosts are refused on both paths', async () => {
    await using rig = await startRig(withSse());
    for (const [method, path] of [
      ['GET', '/mcp/sse'],
      ['POST', '/mcp/messages?sessionId=a'],
    ] as const) {
      for (const headers of [{ origin: 'https://attacker.example' }, { host: 'attacker.example' }])
        expect((await rig.send({ method, path, headers: { ...events, ...headers } })).status).toBe(403);
      const own = { origin: `http://127.0.0.1:${rig.listener.port}` };
      const answer =
        method === 'GET'
          ? (await rig.open({ method, path, headers: { ...events, ...own } })).response
          : await rig.send({ method, path, headers: { ...jsonHeaders, ...own }, body: {} });
      expect(answer.headers['access-control-allow-origin']).toBe(own.origin);
    }
  });

  test('progress and questions come by the stream, answers to questions by POST', async () => {
    await using rig = await startRig(withSse());
    rig.hub.answer = async ({ leg }) => {
      leg.notify(
        rawOf({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: 'p', progress: 1 } }),
      );
      const cancellation = leg.cancellation;
      const answer = await leg.ask?.({ method: 'roots/list', params: rawOf({}), cancellation });
      return textResult(JSON.stringify(answer));
    };
    const old = await connected(rig);
    const asking = old.ask('tools/call', { name: 'a', _meta: { progressToken: 'p' } });
    await expect.poll(() => old.heard().find((one) => one.method === 'roots/list')).toBeDefined();
    const question = old.heard().find((one) => one.method === 'roots/list');
    await old.post({ jsonrpc: '2.0', id: question.id, result: { roots: [] } });
    expect((await asking).result.content[0].text).toContain('roots');
    expect(old.heard().map((one) => one.method)).toContain('notifications/progress');
  });

  test('a call is cancelled by a notification', async () => {
    await using rig = await startRig(withSse());
    const gate = gated(rig);
    const old = await connected(rig);
    await old.post({ jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name: 'a' } });
    await expect.poll(() => rig.hub.calls.length).toBe(1);
    await old.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 7 } });
    expect(rig.hub.calls[0]?.leg.cancellation.reason).toBe('client-cancelled');
    gate.release();
  });

  test('batches of the revision that has them', async () => {
    await using rig = await startRig(withSse());
    const old = await open(rig);
    await old.ask('initialize', { ...parameters, protocolVersion: '2025-03-26' });
    const calls = ['a', 'b'].map((id) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: id } }));
    expect((await old.post(calls)).status).toBe(202);
    await expect.poll(() => JSON.stringify(old.heard())).toContain('"id":"b"');
  });

  test('list changes are told', async () => {
    await using rig = await startRig(withSse());
    const old = await connected(rig);
    rig.hub.changeLists('tools');
    await expect.poll(() => old.heard().at(-1)?.method).toBe('notifications/tools/list_changed');
  });

  test('a silent stream shows signs of life', async () => {
    await using rig = await startRig(withSse());
    const old = await open(rig);
    await rig.edge.clock.advance(16_000);
    await expect.poll(() => old.stream.text()).toContain(': keep-alive');
  });
});

describe('EF-29 clients are kept apart', () => {
  test('equal ids and arguments of two clients', async () => {
    await using rig = await startRig(withSse());
    rig.hub.answer = async ({ caller }) => textResult(String(caller.session?.id));
    const [one, two] = [await connected(rig), await connected(rig)];
    const both = await Promise.all([one.ask('tools/call', { name: 'a' }, 1), two.ask('tools/call', { name: 'a' }, 1)]);
    const [first, second] = both.map(({ result }) => result.content[0].text as string);
    expect(first).not.toBe(second);
    expect(one.heard().filter(({ id }) => id === 1)).toHaveLength(1);
  });

  test('an address that was not given out, or whose stream is over, is 404', async () => {
    await using rig = await startRig(withSse());
    const old = await connected(rig);
    const body = { jsonrpc: '2.0', id: 1, method: 'ping' };
    const last = old.address.at(-1) === 'A' ? 'B' : 'A';
    for (const path of ['/mcp/messages', '/mcp/messages?sessionId=guess', `${old.address.slice(0, -1)}${last}`])
      expect((await rig.send({ path, headers: jsonHeaders, body })).status).toBe(404);
    old.stream.destroy();
    await expect.poll(async () => (await old.post(body)).status).toBe(404);
  });

  test('the end of the stream ends all that was its', async () => {
    await using rig = await startRig(withSse());
    const gate = gated(rig);
    const old = await connected(rig);
    await old.post({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'a' } });
    await expect.poll(() => rig.hub.calls.length).toBe(1);
    old.stream.destroy();
    await expect.poll(() => rig.hub.calls[0]?.leg.cancellation.reason).toBe('client-gone');
    await expect.poll(() => rig.hub.endedSessions.length).toBe(1);
    gate.release();
  });
});

describe('bounds', () => {
  test('what is posted is looked at like every other POST', async () => {
    await using rig = await startRig(withSse());
    const old = await connected(rig);
    const send = async (body: unknown, headers: Record<string, string> = jsonHeaders) =>
      (await rig.send({ path: old.address, headers, body })).status;
    expect(await send('x'.repeat(5_000))).toBe(413);
    expect(await send('{')).toBe(400);
    expect(await send(Buffer.from([0x22, 0xff, 0x22]))).toBe(400);
    expect(await send({}, { 'content-type': 'text/plain' })).toBe(415);
    expect(await send({ jsonrpc: '2.0', id: 1, method: 'ping' })).toBe(202);
  });

  test('streams are counted, and given back', async () => {
    await using rig = await startRig(withSse(limitedConfig({ streams: 1 })));
    const old = await open(rig);
    expect((await rig.send({ method: 'GET', path: '/mcp/sse', headers: events })).status).toBe(503);
    old.stream.destroy();
    await expect
      .poll(async () => {
        const again = await rig.open({ method: 'GET', path: '/mcp/sse', headers: events });
        again.destroy();
        return again.response.statusCode;
      })
      .toBe(200);
  });

  test('security notes 17: a reader that does not read is cut', async () => {
    await using rig = await startRig(withSse());
    rig.hub.answer = async () => textResult('x'.repeat(8 * 1024 * 1024));
    const old = await connected(rig);
    old.stream.response.pause();
    for (let id = 0; id < 4; id++) await old.post({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'a' } });
    await expect.poll(() => rig.edge.counted.get('limitRejections streamBufferBytes')).toBeGreaterThan(0);
    await expect.poll(() => rig.hub.endedSessions.length).toBe(1);
  });
});

describe('the end of a replica', () => {
  test('a call in flight is answered, then the stream ends; nobody new is taken', async () => {
    const rig = await startRig(withSse());
    const gate = gated(rig);
    const old = await connected(rig);
    await old.post({ jsonrpc: '2.0', id: 'last', method: 'tools/call', params: { name: 'a' } });
    await expect.poll(() => rig.hub.calls.length).toBe(1);
    const closing = rig.listener.close(60_000);
    expect(
      (await rig.send({ method: 'GET', path: '/mcp/sse', headers: events }).catch(() => ({ status: 503 }))).status,
    ).toBe(503);
    gate.release();
    await expect.poll(() => old.heard().at(-1)?.id).toBe('last');
    await rig.edge.clock.advance(100);
    await old.stream.ended;
    await closing;
    expect(old.stream.response.complete).toBe(true);
  });

  test('whoever has nothing in flight is let go at once', async () => {
    const rig = await startRig(withSse());
    const idle = await connected(rig);
    const closing = rig.listener.close(60_000);
    await idle.stream.ended;
    expect(idle.stream.response.complete).toBe(true);
    await closing;
  });

  test('a client that comes back with Last-Event-ID goes on without a new initialize, at any replica', async () => {
    await using rig = await startRig(withSse());
    const old = await connected(rig);
    const [, id = ''] = /event: message\nid: (.*)\n/.exec(old.stream.text()) ?? [];
    expect(id.length).toBeGreaterThan(60);
    old.stream.destroy();
    await using other = await startRig(withSse());
    const again = await open(other, { 'last-event-id': id });
    expect(again.heard().map((one) => one.method)).toContain('notifications/tools/list_changed');
    expect((await again.ask('tools/call', { name: 'a' }, 1)).result.content[0].text).toBe('did tools/call');
    expect(other.hub.calls[0]?.caller).toMatchObject({ revision: '2024-11-05', capabilities: '{"roots":{}}' });
    const [, fresh = ''] = /event: endpoint\nid: (.*)\n/.exec(again.stream.text()) ?? [];
    expect(fresh.length).toBeGreaterThan(60);
  });

  test('one that shows only its revision, as the TypeScript SDK does, goes on without its capabilities', async () => {
    await using rig = await startRig(withSse());
    const again = await open(rig, { 'mcp-protocol-version': '2025-06-18' });
    expect((await again.ask('tools/call', { name: 'a' }, 1)).result.content[0].text).toBe('did tools/call');
    expect(rig.hub.calls[0]?.caller).toMatchObject({ revision: '2025-06-18', capabilities: '{}' });
    const unknown = await open(rig, { 'mcp-protocol-version': '2026-07-28' });
    expect((await unknown.ask('tools/call', { name: 'a' }, 1)).error).toBeDefined();
  });

  test('whoever says initialize all the same begins anew, once', async () => {
    await using rig = await startRig(withSse());
    const again = await open(rig, { 'mcp-protocol-version': '2025-06-18' });
    expect((await again.ask('initialize', parameters, 0)).result.protocolVersion).toBe('2024-11-05');
    await again.ask('tools/call', { name: 'a' }, 1);
    expect(rig.hub.calls[0]?.caller).toMatchObject({ revision: '2024-11-05', capabilities: '{"roots":{}}' });
    expect(rig.hub.endedSessions).toHaveLength(1);
    expect((await again.ask('initialize', parameters, 2)).error).toBeDefined();
  });

  test.each([
    ['made up', 'abc'],
    ['empty', ''],
  ])('a %s Last-Event-ID opens nothing', async (_what, id) => {
    await using rig = await startRig(withSse());
    const old = await open(rig, { 'last-event-id': id });
    expect((await old.ask('tools/call', { name: 'a' }, 1)).error).toBeDefined();
  });

  test('a client with much to declare begins anew', async () => {
    await using rig = await startRig(withSse());
    const old = await open(rig);
    await old.ask('initialize', { ...parameters, capabilities: { experimental: { much: 'x'.repeat(3_000) } } });
    expect(old.stream.text()).not.toContain('\nid: ');
  });
});

test('a transport that is switched off lets its clients go', async () => {
  const config = { ...served };
  const hub = withSse();
  await using rig = await startRig(hub);
  const old = await connected(rig);
  Object.assign(hub.graph.config, { transports: { ...config.transports, sse: false } });
  await rig.edge.clock.advance(1_100);
  await old.stream.ended;
});

test('a fault of ours in one message ends nothing', async () => {
  await using rig = await startRig(withSse());
  const old = await open(rig);
  rig.hub.failCapabilities = true;
  expect((await old.ask('initialize', parameters, 0)).error.message).toContain('an error of its own');
  rig.hub.failCapabilities = false;
  expect((await old.ask('initialize', parameters, 1)).result).toBeDefined();
  const answered: Outcome = textResult('ok');
  rig.hub.answer = async ({ params }) => (memberString(params, 'name') === 'a' ? answered : textResult('no'));
  expect((await old.ask('tools/call', { name: 'a' }, 2)).result.content[0].text).toBe('ok');
});
