import { expect, test } from 'vitest';
import { connectLegacy, connectModern } from '../client/index.ts';
import type { KitClient } from '../client/index.ts';
import { kitMatchers, until } from '../matchers/index.ts';
import { startHttpServer } from './index.ts';

expect.extend(kitMatchers);

const remote = { name: 'control', does: { control: true } };

async function names(client: KitClient, method = 'tools/list'): Promise<unknown[]> {
  return (await client.listAll(method)).map((entry) => entry['name']);
}

test('HT-2.17 the control tool changes every list, announces it, and tells what arrived', async () => {
  await using server = await startHttpServer({ tools: [remote], resources: [], prompts: [] });
  await using client = await connectModern(server.url);
  using changes = await client.openStream({
    toolsListChanged: true,
    resourcesListChanged: true,
    promptsListChanged: true,
    resourceSubscriptions: ['kit://r'],
  });
  expect([server.inFlight, server.openStreams]).toEqual([0, 1]);
  const act = (args: Record<string, unknown>) => client.callTool('control', args);
  await act({ action: 'addTool', tool: { name: 'a' } });
  await act({ action: 'setTools', tools: [{ name: 'b' }], silent: true });
  expect(await names(client)).toEqual(['control', 'b']);
  await act({ action: 'removeTool', name: 'b' });
  await act({ action: 'addResource', resource: { uri: 'kit://r' } });
  await act({ action: 'addPrompt', prompt: { name: 'p' } });
  await act({ action: 'updated', uri: 'kit://r' });
  await act({ action: 'updated', uri: 'kit://nobody-cares' });
  await act({ action: 'notify', method: 'notifications/vendor', params: { x: 1 } });
  expect(await names(client)).toEqual(['control']);
  expect(await names(client, 'resources/list')).toEqual(['kit://r']);
  expect(await names(client, 'prompts/list')).toEqual(['p']);
  await until(() => changes.messages.length === 7, { because: 'the acknowledgement and six announcements arrived' });
  expect(changes.messages.map((note) => note.method)).toEqual([
    'notifications/subscriptions/acknowledged',
    'notifications/tools/list_changed',
    'notifications/tools/list_changed',
    'notifications/resources/list_changed',
    'notifications/prompts/list_changed',
    'notifications/resources/updated',
    'notifications/vendor',
  ]);
  const told = await act({ action: 'calls' });
  expect(JSON.stringify(told.result)).toContain('server/discover');
  for (const bad of [
    {},
    { action: 'addTool' },
    { action: 'setTools', tools: [1] },
    { action: 'addResource' },
    { action: 'addPrompt' },
  ]) {
    expect(await act(bad)).toBeRpcError(-32602, 'control');
  }
  await act({ action: 'endListens' });
  await until(() => changes.ended, { because: 'the server ended the stream' });
  expect(changes.messages.at(-1)).toMatchObject({ result: { resultType: 'complete' } });
});

test('HT-2.17 a running server is changed from the test: prompts, resources, sessions, streams, record', async () => {
  await using server = await startHttpServer({ prompts: [], resources: [] });
  await using client = await connectLegacy(server.url);
  using stream = await client.openStream();
  expect(server.openStreams).toBe(1);
  server.setPrompts([{ name: 'p', messages: [] }]);
  server.setResources([{ uri: 'kit://x', name: 'x', blob: 'AAAA' }], { silent: true });
  await until(() => stream.messages.length === 1, { because: 'only the prompts were announced' });
  expect(await client.request('prompts/get', { name: 'p' })).toMatchObject({ result: { messages: [] } });
  expect(await client.request('resources/read', { uri: 'kit://x' })).toMatchObject({
    result: { contents: [{ blob: 'AAAA' }] },
  });
  expect(await client.request('resources/read', { uri: 'kit://y' })).toBeRpcError(-32602);
  expect(await client.request('prompts/get', { name: 'q' })).toBeRpcError(-32602);
  expect(await client.callTool('nobody')).toBeRpcError(-32602, 'nobody');
  expect(await client.request('ping')).toMatchObject({ result: {} });
  expect(await client.request('vendor/echo', { v: 1 })).toMatchObject({ result: { echoed: { v: 1 } } });
  server.recorder.clear();
  await client.request('tools/list');
  expect(server.calls.map((call) => call.method)).toEqual(['tools/list']);
  server.dropSessions();
  expect(await client.request('tools/list')).toMatchObject({ status: 404 });
  expect(server.sessions).toEqual([]);
});

test('HT-2.17 what is no JSON-RPC, another path and another verb are refused as a real server does', async () => {
  await using server = await startHttpServer();
  const post = async (body: string) => {
    const answer = await fetch(server.url, { method: 'POST', body });
    return [answer.status, ((await answer.json()) as { error: { code: number } }).error.code];
  };
  expect(await post('{')).toEqual([400, -32700]);
  expect(await post('[]')).toEqual([400, -32600]);
  expect((await fetch(server.url.replace('/mcp', '/other'))).status).toBe(404);
  expect((await fetch(server.url, { method: 'PUT' })).status).toBe(405);
  expect((await fetch(server.url)).status).toBe(400);
  expect((await fetch(server.url, { method: 'DELETE' })).status).toBe(404);
});
