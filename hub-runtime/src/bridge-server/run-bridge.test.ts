/** A whole bridge in this process, with real children. The parity with a hub of its own children is test/integration/bridge-pod.test.ts. */
import { describe, expect, test } from 'vitest';

import { TargetError } from '../exchange/index.ts';
import { bridgeLimits } from './limits.ts';
import { startWorld, until } from './testing/bridge-world.ts';
import { seenBy, useWorlds } from './testing/use-worlds.ts';

const world = useWorlds();

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
