/** A whole bridge in this process, with a real child of the modern era. */
import { describe, expect, test } from 'vitest';

import { pump, until } from './testing/bridge-world.ts';
import { useWorlds } from './testing/use-worlds.ts';

const world = useWorlds();

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
