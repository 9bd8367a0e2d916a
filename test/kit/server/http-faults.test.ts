import { request } from 'undici';
import { describe, expect, test } from 'vitest';
import { connectLegacy, connectModern, LostAnswer } from '../client/index.ts';
import { kitMatchers, until } from '../matchers/index.ts';
import { startHttpServer } from './index.ts';
import type { Behaviour, ServerScript } from './index.ts';

expect.extend(kitMatchers);

const one = (does: Behaviour): ServerScript => ({ tools: [{ name: 't', does }] });

describe.each(['modern', 'legacy'] as const)('HT-2.17 scripted behaviour over HTTP, %s', (era) => {
  const connect = era === 'modern' ? connectModern : connectLegacy;
  const call = async (does: Behaviour) => {
    await using server = await startHttpServer(one(does));
    await using client = await connect(server.url);
    return await client.callTool('t', { a: 1 }, { timeoutMs: 2_000, progressToken: 'tok' });
  };

  test('results: bytes, resource links, verbatim text, vendor members, structured content', async () => {
    const big = await call({ bytes: 1024 * 1024 });
    expect(big.raw.length).toBeGreaterThan(1024 * 1024);
    expect(await call({ resourceLink: 'kit://x' })).toMatchObject({
      result: { content: [{ type: 'resource_link', uri: 'kit://x' }] },
    });
    const verbatim = '{"content":[],"big":12345678901234567890,  "n":1.0}';
    expect((await call({ rawResult: verbatim })).raw).toContain(verbatim);
    expect(
      await call({
        resultExtra: { vendor: 1 },
        contentExtra: { deep: true },
        resultMeta: { 'x/y': [1] },
        structuredContent: [3],
      }),
    ).toMatchObject({
      result: { vendor: 1, content: [{ deep: true }], _meta: { 'x/y': [1] }, structuredContent: [3] },
    });
  });

  test('progress comes in order and before the answer, whose write it shares', async () => {
    const answer = await call({ progress: { count: 3, message: 'step' } });
    expect(answer.notifications.map((note) => note.params)).toEqual(
      [1, 2, 3].map((step) => ({ progressToken: 'tok', progress: step, total: 3, message: `step ${step}` })),
    );
    expect(answer.headers['content-type']).toBe('text/event-stream');
    expect(answer.late).toEqual([]);
  });

  test('a server that answers in JSON only drops what would have to be streamed', async () => {
    await using server = await startHttpServer({ ...one({ progress: { count: 3 } }), http: { answer: 'json' } });
    await using client = await connect(server.url);
    const answer = await client.callTool('t', {}, { progressToken: 1 });
    expect(answer.headers['content-type']).toBe('application/json');
    expect(answer.notifications).toEqual([]);
  });

  test('wrong answers: id, twice, invalid JSON, not an object, result and error at once, nothing', async () => {
    await expect(call({ malform: 'wrongId' })).resolves.toMatchObject({ id: 'nobody-asked-for-this' });
    expect((await call({ malform: 'twice' })).late).toHaveLength(1);
    await expect(call({ malform: 'invalidJson' })).rejects.toThrow(LostAnswer);
    await expect(call({ malform: 'notAnObject' })).rejects.toMatchObject({ status: 200, body: '42' });
    expect(Object.keys(await call({ malform: 'resultAndError' }))).toEqual(expect.arrayContaining(['result', 'error']));
    await expect(call({ malform: 'nothing' })).rejects.toMatchObject({ status: 200, body: '' });
  });

  test('faults: error, tool error, status, cut JSON, cut stream', async () => {
    expect(await call({ error: { code: -32050, message: 'scripted', data: { why: 1 } } })).toBeRpcError(
      -32050,
      'scripted',
    );
    expect(await call({ toolError: 'broken' })).toBeToolError('broken');
    await expect(call({ status: 503 })).rejects.toMatchObject({ status: 503 });
    await expect(call({ cut: true })).rejects.toThrow();
    await expect(call({ cut: true, sse: true })).rejects.toThrow();
  });

  test('hang: no answer, and the cancellation is seen', async () => {
    await using server = await startHttpServer(one({ hang: true }));
    await using client = await connect(server.url);
    const abort = new AbortController();
    const calling = client.callTool('t', {}, { id: 'slow', signal: abort.signal });
    await until(() => server.inFlight === 1, { because: 'the call reached the server' });
    abort.abort(new Error('enough'));
    await expect(calling).rejects.toThrow('enough');
    await until(() => server.recorder.cancelled.includes('slow') && server.inFlight === 0, {
      because: 'the server was told',
    });
  });

  test('an answer although cancelled', async () => {
    await using server = await startHttpServer(
      one({ latencyMs: 30, ignoreCancel: true, content: [{ type: 'text', text: 'late' }] }),
    );
    await using client = await connect(server.url);
    const calling = client.callTool('t', {}, { id: 7 });
    await until(() => server.inFlight === 1, { because: 'the call reached the server' });
    if (era === 'legacy') await client.notify('notifications/cancelled', { requestId: 7 });
    expect(await calling).toBeToolResult('late');
  });

  test('crash in the middle of a call resets the connection; restart serves again', async () => {
    await using server = await startHttpServer({
      tools: [{ name: 't', does: { crash: { with: 'kill' } } }, { name: 'echo' }],
    });
    await using client = await connect(server.url);
    await expect(client.callTool('t')).rejects.toThrow();
    await expect(request(server.url)).rejects.toThrow('ECONNREFUSED');
    await server.restart();
    await using again = await connect(server.url);
    expect(await again.callTool('echo', { x: 1 })).toBeToolResult('{"x":1}');
  });

  test('questions to the client', async () => {
    await using server = await startHttpServer(one({ asks: [{ method: 'roots/list' }] }));
    await using client = await connect(server.url, { capabilities: { roots: {} }, onRequest: () => ({ roots: [] }) });
    const answer = await client.callTool('t');
    if (era === 'legacy') {
      expect(answer).toBeToolResult('[{"roots":[]}]');
      return;
    }
    expect(answer.result).toMatchObject({
      resultType: 'input_required',
      inputRequests: { q0: { method: 'roots/list' } },
    });
    const params = { name: 't', arguments: {}, inputResponses: { q0: { roots: [1] } }, requestState: 'kit-state' };
    expect(await client.request('tools/call', params)).toBeToolResult('[{"roots":[1]}]');
    expect(await client.request('tools/call', { ...params, requestState: 'forged' })).toBeRpcError(-32602);
  });

  test('list changes reach open streams, once, and only those that want them', async () => {
    await using server = await startHttpServer({
      resources: [],
      tools: [{ name: 'control', does: { control: true } }],
    });
    await using client = await connect(server.url);
    using stream = await client.openStream({ toolsListChanged: true, resourceSubscriptions: ['kit://a'] });
    const from = stream.messages.length;
    await client.callTool('control', { action: 'addTool', tool: { name: 'new' } });
    server.setTools([{ name: 'only' }]);
    await client.request('tools/list');
    server.notify('notifications/resources/updated', { uri: 'kit://a' });
    if (era === 'modern') server.setResources([{ uri: 'kit://b', name: 'b' }]);
    const methods = () => stream.messages.slice(from).map((note) => note.method);
    await until(() => methods().length === 3, { because: 'two changes and an update were announced' });
    expect(methods()).toEqual([
      'notifications/tools/list_changed',
      'notifications/tools/list_changed',
      'notifications/resources/updated',
    ]);
    expect(server.openStreams).toBe(1);
  });

  test('start-up: silent on discover, wrong version, a fault on everything, a required header', async () => {
    await using quiet = await startHttpServer({ startup: { silentOnDiscover: true, silentOnInitialize: true } });
    await using shy = await connect(quiet.url, { handshake: false });
    const method = era === 'modern' ? 'server/discover' : 'initialize';
    await expect(shy.request(method, {}, { timeoutMs: 50 })).rejects.toThrow('not answered in time');
    await using odd = await startHttpServer({ startup: { wrongVersion: '1999-01-01' } });
    await using client = await connect(odd.url);
    expect(JSON.stringify(client.handshake)).toContain('1999-01-01');
    odd.fault(503);
    await expect(client.request('tools/list')).rejects.toMatchObject({ status: 503 });
    odd.fault('cut');
    await expect(client.request('tools/list')).rejects.toThrow();
    odd.fault(undefined);
    expect(await client.listAll('tools/list')).toHaveLength(2);
    await using guarded = await startHttpServer({
      http: { requireHeader: { name: 'Authorization', value: 'Bearer x' } },
    });
    await expect(connect(guarded.url)).rejects.toMatchObject({ status: 401 });
    await using allowed = await connect(guarded.url, { headers: { authorization: 'Bearer x' } });
    expect(await allowed.callTool('echo')).toBeToolResult('{}');
  });
});

test('HT-2.17 modern rules: envelope, mirrored headers, base64 names, removed methods, foreign cursor', async () => {
  await using server = await startHttpServer({
    era: 'modern',
    tools: [{ name: 'grüße' }],
    resources: [{ uri: 'kit://r', name: 'r' }],
  });
  await using client = await connectModern(server.url);
  expect(await client.callTool('grüße')).toBeToolResult('{}');
  expect(server.calls.at(-1)?.headers['mcp-name']).toBe('=?base64?Z3LDvMOfZQ==?=');
  const refused = async (headers: Record<string, string | null>, meta = {}) => {
    const answer = await client.request('resources/read', { uri: 'kit://r' }, { headers, meta });
    return [answer.status, answer.error?.code];
  };
  expect(await refused({})).toEqual([200, undefined]);
  expect(await refused({ 'Mcp-Name': 'other' })).toEqual([400, -32020]);
  expect(await refused({ 'Mcp-Name': null })).toEqual([400, -32020]);
  expect(await refused({ 'Mcp-Method': null })).toEqual([400, -32020]);
  expect(await refused({ 'MCP-Protocol-Version': null })).toEqual([400, -32020]);
  const future = { 'io.modelcontextprotocol/protocolVersion': '2099-01-01' };
  expect(await refused({ 'MCP-Protocol-Version': '2099-01-01' }, future)).toEqual([400, -32022]);
  expect(await refused({}, { 'io.modelcontextprotocol/clientCapabilities': 1 })).toEqual([400, -32602]);
  expect(await client.request('initialize')).toMatchObject({ status: 404, error: { code: -32601 } });
  expect(await client.request('tools/list', { cursor: 'foreign' })).toBeRpcError(-32602);
  expect((await request(server.url)).statusCode).toBe(405);
  await expect(connectLegacy(server.url)).rejects.toThrow('-32022');
});

test('HT-2.17 legacy rules: session needed, unknown session, DELETE, a modern request finds no modern server', async () => {
  await using server = await startHttpServer({ era: 'legacy' });
  await using client = await connectLegacy(server.url);
  const { sessionId } = client;
  expect(server.sessions).toEqual([sessionId]);
  expect(await client.request('tools/list', {}, { headers: { 'Mcp-Session-Id': null } })).toMatchObject({
    status: 400,
  });
  expect(await client.request('tools/list', {}, { headers: { 'Mcp-Session-Id': 'x' } })).toMatchObject({ status: 404 });
  expect(await client.endSession()).toBe(200);
  expect(await client.request('tools/list')).toMatchObject({ status: 404 });
  await expect(connectModern(server.url)).rejects.toThrow('-32000');
  await using stateless = await startHttpServer({ http: { sessions: false } });
  await using free = await connectLegacy(stateless.url);
  expect(free.sessionId).toBeUndefined();
  expect(await free.callTool('echo')).toBeToolResult('{}');
});

test('HT-2.17 modern rules: arguments mirrored in headers are compared', async () => {
  const inputSchema = {
    type: 'object',
    properties: { region: { type: 'string', 'x-mcp-header': 'Region' }, n: { type: 'integer' } },
  };
  await using server = await startHttpServer({ tools: [{ name: 't', inputSchema }] });
  await using client = await connectModern(server.url);
  const call = async (args: Record<string, unknown>, headers: Record<string, string>) =>
    (await client.callTool('t', args, { headers })).error?.code;
  expect(await call({ region: 'eu', n: 1 }, { 'Mcp-Param-Region': 'eu' })).toBeUndefined();
  expect(await call({ region: 'ü' }, { 'Mcp-Param-Region': '=?base64?w7w=?=' })).toBeUndefined();
  expect(await call({ n: 1 }, {})).toBeUndefined();
  expect(await call({ region: 'eu' }, {})).toBe(-32020);
  expect(await call({ region: 'eu' }, { 'Mcp-Param-Region': 'us' })).toBe(-32020);
  expect(await call({}, { 'Mcp-Param-Region': 'us' })).toBe(-32020);
});
