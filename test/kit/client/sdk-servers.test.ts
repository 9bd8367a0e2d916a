import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { randomUUID } from 'node:crypto';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { Server as OldServer } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { expect, test } from 'vitest';
import { kitMatchers, until } from '../matchers/index.ts';
import { connectLegacy, connectModern } from './index.ts';

expect.extend(kitMatchers);

/** The kit client must be understood by servers that are not ours. */
async function serve(
  handler: (request: never, response: never) => unknown,
): Promise<AsyncDisposable & { url: string }> {
  const http = createServer((request, response) => void handler(request as never, response as never));
  await new Promise<void>((resolve) => void http.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`,
    async [Symbol.asyncDispose]() {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

function modernSdkServer(): Promise<AsyncDisposable & { url: string }> {
  const handler = createMcpHandler(() => {
    const server = new McpServer({ name: 'sdk', version: '2' });
    server.registerTool('hello', { description: 'says hello' }, () => ({
      content: [{ type: 'text' as const, text: 'hello' }],
    }));
    return server;
  });
  return serve(toNodeHandler(handler) as (request: never, response: never) => unknown);
}

test('HT-2.18 the modern client is understood by the SDK v2 server', async () => {
  await using server = await modernSdkServer();
  await using client = await connectModern(server.url);
  expect(client.handshake).toMatchObject({ supportedVersions: ['2026-07-28'] });
  expect(await client.listAll('tools/list')).toMatchObject([{ name: 'hello' }]);
  const answer = await client.callTool('hello', {}, { id: 'my id' });
  expect(answer).toBeToolResult('hello');
  expect(answer.id).toBe('my id');
  expect(await client.request('no/such')).toMatchObject({ status: 404, error: { code: -32601 } });
  using stream = await client.openStream({ toolsListChanged: true });
  expect(stream.messages[0]).toMatchObject({ method: 'notifications/subscriptions/acknowledged' });
});

test('HT-2.18 the legacy client is understood by the SDK v2 server', async () => {
  await using server = await modernSdkServer();
  await using client = await connectLegacy(server.url, { version: '2025-06-18' });
  expect(client.version).toBe('2025-06-18');
  expect(await client.callTool('hello')).toBeToolResult('hello');
});

test('HT-2.18 the legacy client holds a session of an SDK v1 server: progress, questions, GET stream, DELETE', async () => {
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => randomUUID() });
  const sdk = new OldServer({ name: 'old', version: '1' }, { capabilities: { tools: { listChanged: true } } });
  sdk.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: [{ name: 't', inputSchema: { type: 'object' as const } }],
  }));
  sdk.setRequestHandler(CallToolRequestSchema, async (request, extra) => {
    const token = request.params._meta?.progressToken;
    if (token !== undefined) {
      await extra.sendNotification({ method: 'notifications/progress', params: { progressToken: token, progress: 1 } });
    }
    const roots = await sdk.listRoots(undefined, { relatedRequestId: extra.requestId } as never);
    return { content: [{ type: 'text' as const, text: JSON.stringify(roots.roots) }] };
  });
  await sdk.connect(transport as Parameters<OldServer['connect']>[0]);
  await using server = await serve((request, response) => transport.handleRequest(request, response));

  await using client = await connectLegacy(server.url, {
    capabilities: { roots: {} },
    onRequest: (method) => ({ roots: method === 'roots/list' ? [{ uri: 'file:///here' }] : [] }),
  });
  expect(client.sessionId).toMatch(/^[0-9a-f-]{36}$/);
  const progress: unknown[] = [];
  const answer = await client.callTool('t', {}, { progressToken: 'tok', onProgress: (one) => progress.push(one) });
  expect(answer).toBeToolResult('[{"uri":"file:///here"}]');
  expect(progress).toMatchObject([{ progressToken: 'tok', progress: 1 }]);

  using stream = await client.openStream();
  expect(stream.status).toBe(200);
  await sdk.sendToolListChanged();
  await until(() => stream.messages.length === 1, { because: 'the server announced a change' });
  expect(stream.messages).toMatchObject([{ method: 'notifications/tools/list_changed' }]);
  expect(await client.endSession()).toBe(200);
});
