/** A whole bridge in this process, with a real child of the legacy era. */
import { describe, expect, test } from 'vitest';

import { bridgeLimits } from './limits.ts';
import { until } from './testing/bridge-world.ts';
import { seenBy, useWorlds } from './testing/use-worlds.ts';

const world = useWorlds();

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
