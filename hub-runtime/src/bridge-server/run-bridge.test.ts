/** A whole bridge in this process, with real children. The parity with a hub of its own children is test/integration/bridge-pod.test.ts. */
import { afterEach, describe, expect, test } from 'vitest';

import { TargetError } from '../exchange/index.ts';
import { bridgeLimits } from './limits.ts';
import { pump, type Session, startWorld, until, type World, type WorldOptions } from './testing/bridge-world.ts';

const open: World[] = [];

async function world(options: WorldOptions = {}): Promise<World> {
  const one = await startWorld(options);
  open.push(one);
  return one;
}

/** What the child of this session has been told. */
async function seenBy(session: Session): Promise<string[]> {
  const { message } = await session.ask('seen');
  return (message.result?.['seen'] ?? []) as string[];
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one[Symbol.asyncDispose]()));
});

describe('a legacy child', () => {
  test('what it said at its start is what every session hears, and only a session gets further', async () => {
    const w = await world();
    const params = { protocolVersion: '2024-11-05', capabilities: {}, clientInfo: { name: 'x', version: '1' } };
    const { message, headers } = await w.post({ jsonrpc: '2.0', id: 'a', method: 'initialize', params });
    expect(message).toMatchObject({
      id: 'a',
      result: { protocolVersion: '2025-11-25', instructions: 'hi', serverInfo: { name: 'child' } },
    });
    expect(headers.get('mcp-session-id')).toBe('session-1');
    expect((await w.post({ jsonrpc: '2.0', id: 1, method: 'echo' })).status).toBe(400);
    expect((await w.post({ jsonrpc: '2.0', id: 1, method: 'echo' }, { 'mcp-session-id': 'stolen' })).status).toBe(404);
    expect((await w.post({ jsonrpc: '2.0', id: 1, method: 'echo' }, { 'mcp-session-id': 'with space' })).status).toBe(
      400,
    );
  });

  test('calls, progress and errors pass with the caller’s own id and token', async () => {
    const s = await (await world()).session();
    const steps = await s.ask('steps', { _meta: { progressToken: 'mine' } }, 'x');
    expect(steps.events.map((one) => one['params'])).toEqual([
      { progressToken: 'mine', progress: 1 },
      { progressToken: 'mine', progress: 2 },
    ]);
    expect(steps.message).toEqual({ jsonrpc: '2.0', id: 'x', result: {} });
    expect((await s.ask('nope')).message.error).toEqual({ code: -32601, message: 'unknown' });
    expect((await s.ask('pid', {}, 7)).message).toMatchObject({ id: 7 });
  });

  test('cancelled: the child is told, the answer is an end without a message; the same id may not be used twice at once', async () => {
    const s = await (await world()).session();
    const hanging = s.ask('hang', {}, 5);
    await until(async () => (await seenBy(s)).includes('hang'));
    expect((await s.ask('echo', {}, 5)).message.error?.data).toMatchObject({ code: 'QM_DUPLICATE_ID' });
    expect((await s.tell('notifications/cancelled', { requestId: 5, reason: 'enough' })).status).toBe(202);
    expect(await hanging).toMatchObject({ status: 202, message: {} });
    const { seen } = (await s.ask('seen')).message.result as { seen: string[] };
    expect(seen.find((one) => one.startsWith('notifications/cancelled'))).toContain('"reason":"enough"');
  });

  test('its notifications reach every session that listens; vendor notifications reach it', async () => {
    const w = await world();
    const [a, b] = [await w.session(), await w.session()];
    const [one, two, newest] = [await a.listen(), await b.listen(), await b.listen()];
    await a.ask('say', { method: 'notifications/tools/list_changed' });
    await until(() => one.events.length === 1 && newest.events.length === 1);
    expect(two.events).toEqual([]);
    await b.tell('notifications/vendor', { n: 1 });
    await b.tell('notifications/initialized');
    await b.tell('notifications/roots/list_changed');
    const { seen } = (await a.ask('seen')).message.result as { seen: string[] };
    expect(seen.filter((text) => text.startsWith('notifications/'))).toEqual([
      'notifications/initialized null',
      'notifications/vendor {"n":1}',
    ]);
  });

  test('streams of one session are bounded: the oldest makes room', async () => {
    const s = await (await world()).session();
    const first = await s.listen();
    for (let n = 0; n < bridgeLimits.streamsPerSession; n++) expect((await s.listen()).status).toBe(200);
    await first.ended;
  });

  test('shared: subscriptions are counted, and given back with a session', async () => {
    const w = await world();
    const [a, b] = [await w.session(), await w.session()];
    const asked = async () => (await seenBy(a)).filter((one) => one.startsWith('resources/'));
    const uri = 'kit://a"b';
    for (const s of [a, b]) expect((await s.ask('resources/subscribe', { uri })).message.result).toEqual({});
    expect(await asked()).toEqual(['resources/subscribe']);
    const [hers, his] = [await a.listen(), await b.listen()];
    await b.ask('resources/unsubscribe', { uri });
    await a.ask('say', { method: 'notifications/resources/updated', params: { uri } });
    await until(() => hers.events.length === 1);
    expect(his.events).toEqual([]);
    await b.ask('resources/subscribe', { uri });
    expect(await asked()).toEqual(['resources/subscribe']);
    await b.end();
    expect(await asked()).toEqual(['resources/subscribe']);
    await a.ask('resources/unsubscribe', { uri });
    expect(await asked()).toEqual(['resources/subscribe', 'resources/unsubscribe']);
    const c = await w.session();
    await c.ask('resources/subscribe', { uri });
    await c.end();
    await until(async () => (await asked()).length === 4);
    expect((await asked()).at(-1)).toBe('resources/unsubscribe');
  });

  test('shared: no caller’s log level binds the others, and logs for nobody in particular go to nobody', async () => {
    const w = await world();
    const s = await w.session();
    const stream = await s.listen();
    expect((await s.ask('logging/setLevel', { level: 'debug' })).message.result).toEqual({});
    await s.ask('say', { method: 'notifications/message', params: { level: 'error', data: 1 } });
    await s.ask('say', { method: 'notifications/tools/list_changed' });
    await until(() => stream.events.length > 0);
    expect(stream.events.map((one) => one['method'])).toEqual(['notifications/tools/list_changed']);
    expect((await s.ask('seen')).message.result?.['seen']).not.toContain('logging/setLevel');
  });

  test('perClient: own children, own log level and logs, gone with the last session', async () => {
    const w = await world({ settings: { instances: { mode: 'perClient', max: 1 } } });
    const s = await w.session({ 'x-quaymaster-caller': 'ada' });
    const plain = await w.session();
    const mine = (await s.ask('pid')).message.result?.['pid'];
    expect((await plain.ask('pid')).message.result?.['pid']).not.toBe(mine);
    expect((await s.ask('logging/setLevel', { level: 'debug' })).message.result).toEqual({});
    expect((await s.ask('seen')).message.result?.['seen']).toContain('logging/setLevel');
    const logged = await s.ask('say', { method: 'notifications/message', params: { level: 'error', data: 1 } });
    expect(logged.events.map((one) => one['method'])).toEqual(['notifications/message']);
    const stream = await s.listen();
    await s.ask('say', { method: 'notifications/message', params: { level: 'error', data: 2 } });
    await until(() => stream.events.length === 1);
    const other = await w.session({ 'x-quaymaster-caller': 'bob' });
    const refused = await other.ask('pid');
    expect(refused).toMatchObject({ status: 503, message: { error: { data: { code: 'QM_OVERLOADED' } } } });
    expect(refused.headers.get('x-quaymaster-not-executed')).toBe('1');
    await s.end();
    await until(async () => (await other.ask('pid')).status === 200);
  });

  test('perClient: when a caller’s own child dies only its sessions end', async () => {
    const w = await world({ settings: { instances: { mode: 'perClient', max: 2 } } });
    const [ada, plain] = [await w.session({ 'x-quaymaster-caller': 'ada' }), await w.session()];
    expect((await ada.ask('die')).message.error?.data).toMatchObject({ code: 'QM_SERVER_GONE' });
    await until(async () => (await ada.ask('pid')).status === 404);
    expect((await plain.ask('pid')).status).toBe(200);
  });

  test('EF-31 its end: calls in flight hear of it, sessions and streams end, a new session waits for the new child', async () => {
    const w = await world();
    const s = await w.session();
    const stream = await s.listen();
    const hanging = s.ask('hang');
    const { pid } = (await s.ask('pid')).message.result as { pid: number };
    const died = await s.ask('die');
    expect(died).toMatchObject({
      status: 200,
      message: { error: { data: { code: 'QM_SERVER_GONE', retryable: false } } },
    });
    expect((await hanging).message.error).toEqual(died.message.error);
    await stream.ended;
    // Whatever comes for the session while the new child starts is told so, not that there are no sessions here.
    expect([(await s.ask('echo')).status, (await s.listen()).status, await s.end()]).toEqual([404, 404, 404]);
    const next = await w.session();
    expect((await next.ask('pid')).message.result?.['pid']).not.toBe(pid);
    expect((await w.health('statusz')).body).toMatchObject({ restarts: 1, phase: 'Ready', ready: true });
  });

  test('a caller of the newer era is told which versions there are', async () => {
    const got = await (await world()).modern('server/discover');
    expect(got).toMatchObject({
      status: 400,
      message: { error: { code: -32022, data: { supported: ['2025-11-25'], requested: '2026-07-28' } } },
    });
  });
});

describe('a modern child', () => {
  test('every request stands alone; status and bytes are the child’s', async () => {
    const w = await world({ era: 'modern' });
    expect((await w.modern('server/discover')).message.result).toMatchObject({ supportedVersions: ['2026-07-28'] });
    const echo = await w.modern('echo', { a: 1, _meta: { 'vendor/x': 1, 'io.modelcontextprotocol/logLevel': 'info' } });
    expect(echo.message.result?.['params']).toMatchObject({
      a: 1,
      _meta: { 'vendor/x': 1, 'io.modelcontextprotocol/logLevel': 'info' },
    });
    expect(await w.modern('nope')).toMatchObject({ status: 404, message: { error: { code: -32601 } } });
    const steps = await w.modern('steps', { _meta: { progressToken: 9 } });
    expect(steps.events).toHaveLength(2);
  });

  test('closing the answer cancels; what is not of this era is refused as a server of this era does', async () => {
    const w = await world({ era: 'modern' });
    const abort = new AbortController();
    const body = (method: string) => ({
      method: 'POST',
      headers: { 'content-type': 'application/json', 'mcp-protocol-version': '2026-07-28', 'mcp-method': method },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method,
        params: {
          _meta: {
            'io.modelcontextprotocol/protocolVersion': '2026-07-28',
            'io.modelcontextprotocol/clientCapabilities': {},
          },
        },
      }),
    });
    const hanging = w.fetch({ ...body('hang'), signal: abort.signal }).catch(() => 'aborted');
    const seen = async () => (await w.modern('seen')).message.result?.['seen'] as string[];
    await until(async () => (await seen()).includes('hang'));
    abort.abort();
    expect(await hanging).toBe('aborted');
    await until(async () => (await seen()).some((one) => one.startsWith('notifications/cancelled')));
    expect(await w.post({ jsonrpc: '2.0', id: 1, method: 'initialize', params: {} })).toMatchObject({
      status: 404,
      message: { error: { code: -32601 } },
    });
    expect(await w.modern('echo', {}, { 'mcp-method': 'other' })).toMatchObject({
      status: 400,
      message: { error: { code: -32020 } },
    });
    for (const method of ['GET', 'DELETE']) {
      const answer = await w.fetch({ method });
      expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST']);
    }
    const notified = {
      jsonrpc: '2.0',
      method: 'notifications/vendor',
      params: { n: 1, _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' } },
    };
    expect((await w.post(notified)).status).toBe(202);
    await until(async () => (await seen()).some((one) => one.startsWith('notifications/vendor')));
  });

  test('listeners get what they asked for under their own id, and an end with a result', async () => {
    const w = await world({ era: 'modern' });
    const listen = async (id: string, notifications: object) => {
      const params = {
        notifications,
        _meta: {
          'io.modelcontextprotocol/protocolVersion': '2026-07-28',
          'io.modelcontextprotocol/clientCapabilities': {},
        },
      };
      const answer = await w.fetch({
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'mcp-protocol-version': '2026-07-28',
          'mcp-method': 'subscriptions/listen',
        },
        body: JSON.stringify({ jsonrpc: '2.0', id, method: 'subscriptions/listen', params }),
      });
      const events: Record<string, unknown>[] = [];
      return { events, ended: pump(answer, events) };
    };
    const a = await listen('a', { toolsListChanged: true, promptsListChanged: true });
    const b = await listen('b', { resourcesListChanged: true });
    await until(() => a.events.length === 1 && b.events.length === 1);
    const key = 'io.modelcontextprotocol/subscriptionId';
    expect(a.events[0]).toMatchObject({ params: { notifications: { toolsListChanged: true }, _meta: { [key]: 'a' } } });
    expect(b.events[0]).toMatchObject({ params: { notifications: {}, _meta: { [key]: 'b' } } });
    await until(async () => {
      await w.modern('say', { method: 'notifications/tools/list_changed', params: { extra: 1 } });
      return a.events.length > 1;
    });
    expect(a.events[1]).toEqual({
      jsonrpc: '2.0',
      method: 'notifications/tools/list_changed',
      params: { extra: 1, _meta: { [key]: 'a' } },
    });
    // A new child may offer something else, and nobody would know.
    const before = a.events.length;
    await w.modern('die');
    await until(() => a.events.length > before);
    expect(a.events.at(-1)).toMatchObject({
      method: 'notifications/tools/list_changed',
      params: { _meta: { [key]: 'a' } },
    });
    await w.bridge.close('over', 1_000);
    await Promise.all([a.ended, b.ended]);
    expect(b.events.at(-1)).toMatchObject({ id: 'b', result: { resultType: 'complete', _meta: { [key]: 'b' } } });
  });

  test('EF-31 its end: the call hears of it, the next one waits for the new child', async () => {
    const w = await world({ era: 'modern', settings: { instances: { mode: 'perClient', max: 2 } } });
    const pid = async (caller?: string) =>
      (await w.modern('pid', {}, caller === undefined ? {} : { 'x-quaymaster-caller': caller })).message.result?.[
        'pid'
      ];
    const [first, own] = [await pid(), await pid('ada')];
    expect(own).not.toBe(first);
    expect((await w.modern('die')).message.error?.data).toMatchObject({ code: 'QM_SERVER_GONE' });
    // Both wait until the shared child is back; the own one has lived on.
    const [next, still] = await Promise.all([pid(), pid('ada')]);
    expect(next).not.toBe(first);
    expect(still).toBe(own);
  });
});

describe('whatever the era', () => {
  test('a child that cannot be had: probes and callers are told why, and what for', async () => {
    const w = await world({
      settings: { program: { kind: 'npm', package: 'a', version: '1.0.0', cache: '/c' } },
      ready: false,
      options: {
        install: (_source, progress) => {
          progress('installing a@1.0.0');
          return Promise.reject(new TargetError('PackageNotFound', 'a@1.0.0: no such package', true));
        },
      },
    });
    await until(async () => (await w.health('statusz')).body['phase'] === 'Degraded');
    expect((await w.health('readyz')).body).toMatchObject({
      ok: false,
      problems: [expect.stringContaining('PackageNotFound')],
    });
    expect((await w.health('livez')).status).toBe(200);
    const told = await w.post({ jsonrpc: '2.0', id: 1, method: 'initialize', params: {} });
    expect(told).toMatchObject({
      status: 503,
      message: {
        error: { data: { code: 'QM_SERVER_FAILED', reason: 'PackageNotFound', message: 'a@1.0.0: no such package' } },
      },
    });
    expect(told.headers.get('retry-after')).toBe('1');
    const call = await w.modern('echo');
    expect(call).toMatchObject({
      status: 503,
      message: { error: { message: 'server "wonder" is not available: a@1.0.0: no such package' } },
    });
    expect(call.message.error?.data).not.toHaveProperty('reason');
    expect((await w.fetch({ method: 'GET' })).status).toBe(503);
  });

  test('requests that are none', async () => {
    const w = await world();
    const s = await w.session();
    const own = { 'mcp-session-id': s.id };
    const codes: [body: string, headers: Record<string, string | undefined>, status: number][] = [
      ['{', own, 400],
      ['[]', own, 400],
      ['{"jsonrpc":"2.0"}', own, 400],
      ['{}', { ...own, 'content-type': 'text/plain' }, 415],
      ['{}', { ...own, 'content-type': undefined }, 415],
      ['{}', { ...own, 'content-encoding': 'gzip' }, 415],
      ['{"jsonrpc":"2.0","id":1,"result":{}}', own, 202],
    ];
    for (const [body, headers, status] of codes)
      expect([body, (await w.post(body, headers)).status]).toEqual([body, status]);
    expect((await w.fetch({ method: 'POST', path: '/other' })).status).toBe(404);
    expect((await w.fetch({ method: 'PUT' })).status).toBe(405);
    expect((await w.fetch({ method: 'GET', headers: { ...own, accept: 'application/json' } })).status).toBe(406);
    expect((await fetch(w.url, { method: 'POST' })).headers.get('www-authenticate')).toBe('Bearer');
    const invalid = await w.fetch({
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: Buffer.from([0x7b, 0xff, 0x7d]),
    });
    expect(((await invalid.json()) as { error: { message: string } }).error.message).toContain('UTF-8');
  });

  test('a body over the limit is refused by its length, and by its bytes when no length is given', async () => {
    const w = await world();
    const big = Buffer.alloc(bridgeLimits.bodyBytes + 1, 32);
    const headers = { 'content-type': 'application/json' };
    expect((await w.fetch({ method: 'POST', headers, body: big })).status).toBe(413);
    const chunks = new ReadableStream({
      start(controller) {
        for (let at = 0; at < big.length; at += 1 << 20) controller.enqueue(big.subarray(at, at + (1 << 20)));
        controller.close();
      },
    });
    const streamed = { method: 'POST', headers, body: chunks, duplex: 'half' } as RequestInit;
    expect((await w.fetch(streamed)).status).toBe(413);
  });

  test('limits: sessions, streams, subscriptions, requests and bytes in flight are refused beyond them, unexecuted', async () => {
    const limits = { sessions: 2, streams: 1, subscriptionsPerSession: 1, inFlight: 2, bodiesBytes: 2_000 };
    const w = await world({ options: { limits } });
    const [a, b] = [await w.session(), await w.session()];
    expect((await w.session()).id).toBe('');
    expect((await a.listen()).status).toBe(200);
    expect((await b.listen()).status).toBe(503);
    expect((await a.ask('resources/subscribe', { uri: 'x' })).message.result).toEqual({});
    const over = await a.ask('resources/subscribe', { uri: 'y' });
    expect(over).toMatchObject({ status: 503, message: { error: { data: { code: 'QM_OVERLOADED' } } } });
    expect((await seenBy(a)).filter((one) => one === 'resources/subscribe')).toHaveLength(1);
    expect((await a.ask('echo', { text: 'x'.repeat(2_000) })).status).toBe(503);
    const hanging = [a.ask('hang', {}, 1_001), a.ask('hang', {}, 1_002)];
    await until(async () => (await b.ask('echo')).status === 503);
    for (const requestId of [1_001, 1_002]) await a.tell('notifications/cancelled', { requestId });
    await Promise.all(hanging);
    expect((await b.ask('echo')).status).toBe(200);
  });

  test('HS-13 a request that is still arriving at the end is answered, not cut', async () => {
    const w = await world();
    const s = await w.session();
    let finish = (): void => {};
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(Buffer.from('{"jsonrpc":"2.0","id":1,'));
        finish = () => {
          controller.enqueue(Buffer.from('"method":"echo"}'));
          controller.close();
        };
      },
    });
    const headers = { 'content-type': 'application/json', 'mcp-session-id': s.id };
    const answer = w.fetch({ method: 'POST', headers, body, duplex: 'half' } as RequestInit);
    await until(async () => (await w.health('statusz')).body['calls'] === 1);
    const closed = w.bridge.close('the Pod ends', 5_000);
    finish();
    expect((await answer).headers.get('x-quaymaster-not-executed')).toBe('1');
    await closed;
  });

  test('HS-13 the end: in flight finishes, new work is refused unexecuted, then everything is gone', async () => {
    const w = await world();
    const s = await w.session();
    const hanging = s.ask('hang', {}, 1_000);
    await until(async () => (await seenBy(s)).includes('hang'));
    const closed = w.bridge.close('the Pod ends', 5_000);
    const late = await s.ask('echo');
    expect(late).toMatchObject({ status: 503, message: { error: { data: { code: 'QM_SHUTTING_DOWN' } } } });
    expect(late.headers.get('x-quaymaster-not-executed')).toBe('1');
    expect((await s.listen()).status).toBe(503);
    expect((await w.health('readyz')).status).toBe(503);
    await s.tell('notifications/cancelled', { requestId: 1_000 });
    expect((await hanging).status).toBe(202);
    await closed;
    await expect(fetch(w.url)).rejects.toThrow();
    await w.bridge.closed;
  });

  test('a port that is taken is one clear error, and leaves nothing behind', async () => {
    const w = await world();
    await expect(startWorld({ settings: { port: w.bridge.port } })).rejects.toThrow('cannot listen');
  });
});
