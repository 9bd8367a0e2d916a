import { afterEach, describe, expect, test } from 'vitest';

import { type Outcome } from '../../exchange/index.ts';
import type { ParamHeader, RawJson } from '../../wire/index.ts';
import {
  call,
  closeWorld,
  connectTo,
  discovery,
  eventually,
  makeCall,
  methods,
  modern,
  open,
  resultOf,
  type TinyRequest,
} from '../testing/index.ts';

afterEach(closeWorld);

describe('what a modern request carries', () => {
  test("checklist 12, 20: envelope, mirrored headers, own id and token; the client's never leave the hub", async () => {
    const { conversation, server } = await open(modern(), {
      headers: { authorization: 'Bearer s3cret', 'Mcp-Method': 'forged' },
    });
    const params = {
      name: 'wetter_ü',
      arguments: { region: 'west' },
      _meta: {
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        progressToken: 'client',
        'dev.quaymaster/x': 1,
      },
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
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      },
    });
  });

  test('checklist 10: declared parameters are mirrored from the arguments, undeclared ones pass', async () => {
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

  test('checklist 34: listens for the changes the server announces, again after a break, and then reads all lists', async () => {
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

test('HT-0.10 what a hub says of itself is asked again when its lists have changed; of other servers it stands', async () => {
  for (const extensions of [{ 'dev.quaymaster/hub': { id: 'inner~0a1b2c3d' } }, { 'vendor/x': {} }]) {
    const isHub = 'dev.quaymaster/hub' in extensions;
    let capabilities: object = { tools: {}, extensions };
    const { conversation, server } = await open((request) =>
      request.message.method === 'server/discover'
        ? { result: { ...discovery, capabilities } }
        : { result: { resultType: 'complete' } },
    );
    capabilities = { tools: {}, prompts: {}, extensions };
    await conversation.refresh?.(1_000);
    const { raw, start, end } = conversation.capabilities;
    expect(JSON.parse(raw.slice(start, end))).toEqual(isHub ? capabilities : { tools: {}, extensions });
    expect(methods(server).filter((method) => method === 'server/discover')).toHaveLength(isHub ? 2 : 1);
  }
});
