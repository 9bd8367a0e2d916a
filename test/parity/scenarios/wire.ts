/** Requests that no good client sends, and limits. */
import type { Scenario } from '../scenario.ts';

const json = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

export const wire: readonly Scenario[] = [
  {
    name: 'bodies that are no JSON-RPC',
    hub: 'desk',
    async run(stage) {
      const client = await stage.client();
      const headers = client.headersFor('tools/list', {});
      for (const body of [
        '',
        '{',
        'null',
        '42',
        '"x"',
        '[]',
        '{}',
        '{"jsonrpc":"1.0","id":1,"method":"ping"}',
        '{"jsonrpc":"2.0","id":{},"method":"ping"}',
        '{"jsonrpc":"2.0","id":1,"method":7}',
      ])
        await stage.send(client, `body ${body}`, { headers, body });
    },
  },
  {
    name: 'methods and media types',
    hub: 'desk',
    async run(stage) {
      const client = await stage.client();
      const body = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
      await stage.send(client, 'PUT', { method: 'PUT', headers: json, body });
      await stage.send(client, 'text/plain', { headers: { ...json, 'content-type': 'text/plain' }, body });
      await stage.send(client, 'accept html', { headers: { ...json, accept: 'text/html' }, body });
      await stage.send(client, 'other origin', { headers: { ...json, origin: 'https://evil.example' }, body });
    },
  },
  {
    name: 'modern headers must say what the body says',
    hub: 'desk',
    eras: ['modern'],
    async run(stage) {
      const client = await stage.client();
      const params = { name: 'ls_echo', arguments: {}, _meta: client.envelope() };
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params });
      const right = client.headersFor('tools/call', params);
      for (const [label, change] of Object.entries({
        right: {},
        'another method': { 'mcp-method': 'tools/list' },
        'another name': { 'mcp-name': 'ms_echo' },
        'another version': { 'mcp-protocol-version': '2025-11-25' },
        'a version of the future': { 'mcp-protocol-version': '2099-01-01' },
      }))
        await stage.send(client, label, { headers: { ...right, ...change }, body });
    },
  },
  {
    name: 'limits refuse, and say which',
    hub: 'narrow',
    async run(stage) {
      const client = await stage.client();
      const deep = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`;
      const body = (argument: string): string =>
        `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"only","arguments":{"x":${argument}},"_meta":${JSON.stringify(client.envelope())}}}`;
      const headers = client.headersFor('tools/call', { name: 'only' });
      await stage.send(client, 'a body too large', { headers, body: body(`"${'x'.repeat(70_000)}"`) });
      await stage.send(client, 'too deep', { headers, body: body(deep(20)) });
      await stage.send(client, 'just right', { headers, body: body(deep(5)) });
    },
  },
  {
    name: 'batches of the revision that had them',
    hub: 'desk',
    eras: ['legacy'],
    async run(stage) {
      const client = await stage.client({ version: '2025-03-26' });
      const headers = client.headersFor('', {});
      const call = (id: number, name: string): object => ({
        jsonrpc: '2.0',
        id,
        method: 'tools/call',
        params: { name, arguments: { id } },
      });
      await stage.send(client, 'two notifications', {
        headers,
        body: JSON.stringify([1, 2].map(() => ({ jsonrpc: '2.0', method: 'notifications/vendor' }))),
      });
      await stage.send(client, 'one call', { headers, body: JSON.stringify([call(1, 'ls_echo')]) });
      await stage.send(client, 'too many', {
        headers,
        body: JSON.stringify(Array.from({ length: 21 }, (_, n) => call(n, 'ls_echo'))),
      });
    },
  },
  {
    name: 'sessions: foreign, made up, ended',
    hub: 'desk',
    eras: ['legacy'],
    apart: true,
    async run(stage) {
      const client = await stage.client();
      const body = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
      const headers = client.headersFor('ping', {});
      await stage.send(client, 'its own', { headers, body });
      await stage.send(client, 'made up', { headers: { ...headers, 'mcp-session-id': 'nonsense' }, body });
      const { 'mcp-session-id': _id, ...without } = headers;
      await stage.send(client, 'none', { headers: without, body });
      await stage.send(client, 'DELETE', { method: 'DELETE', headers });
      for (const turn of [1, 2, 3]) await stage.send(client, `after its end ${turn}`, { headers, body });
      await stage.send(client, 'DELETE again', { method: 'DELETE', headers });
    },
  },
  {
    name: 'a path that is no hub',
    hub: 'desk',
    async run(stage) {
      const [url = ''] = stage.urls;
      const answer = await fetch(new URL('/nothing/here', url), { method: 'POST', headers: json, body: '{}' });
      stage.note('answer', [answer.status, await answer.text()]);
    },
  },
];
