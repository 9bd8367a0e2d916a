import { expect, test } from 'vitest';

import { hubError, protocolError } from '../exchange/index.ts';
import { callerOf, exchangeOf, listing, type Offer, resultOf, seen, tool } from '../fixtures/index.ts';
import { rawOf, scanObject } from '../wire/index.ts';
import { bench } from './bench.fixture.ts';

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('HT-0.01 a call goes to its server under the server’s own name, and its answer comes back untouched', async () => {
  const { call, servers } = bench({ a: { tools: [tool('read')] }, b: { tools: [tool('read')] } });
  expect(await call('tools/call', { name: 'b_read', arguments: { x: 1 } })).toEqual({ from: 'b', target: 'read' });
  expect(servers['b']?.calls[0]).toMatchObject({ edits: [['name', '"read"']], target: 'read' });
  expect(servers['a']?.calls).toEqual([]);
});

test('prompts and resources are routed the same way', async () => {
  const { call, servers } = bench({
    a: { prompts: [{ name: 'p' }], resources: [{ uri: 'x://1', name: 'n' }] },
    b: { resources: [{ uri: 'x://1', name: 'n' }] },
  });
  expect(await call('prompts/get', { name: 'a_p' })).toEqual({ from: 'a', target: 'p' });
  expect(await call('resources/read', { uri: 'qm://b/x://1' })).toEqual({ from: 'b', target: 'x://1' });
  expect(servers['b']?.calls[0]?.edits).toEqual([['uri', '"x://1"']]);
});

test('headers a tool mirrors travel with the call', async () => {
  const inputSchema = { type: 'object', properties: { r: { type: 'string', 'x-mcp-header': 'R' } } };
  const { call, servers } = bench({ a: { tools: [tool('t', { inputSchema })] } });
  await call('tools/call', { name: 'a_t' });
  expect(servers['a']?.calls[0]?.paramHeaders).toEqual([{ header: 'mcp-param-r', path: ['r'], type: 'string' }]);
});

test.each([
  ['tools/call', { name: 'nope' }, 'modern', -32602, 'Unknown tool: nope', 200],
  ['tools/call', { name: 'nöpe' }, 'legacy', -32602, 'Unknown tool: nöpe', 200],
  ['tools/call', { name: 7 }, 'modern', -32602, 'params.name must be a string', 200],
  ['prompts/get', { name: 'nope' }, 'legacy', -32602, 'Unknown prompt: nope', 200],
  ['resources/read', { uri: 'x://nope' }, 'modern', -32602, 'Resource not found: x://nope', 200],
  ['resources/read', { uri: 'x://nope' }, 'legacy', -32002, 'Resource not found: x://nope', 200],
  ['resources/read', {}, 'legacy', -32602, 'params.uri must be a string', 200],
  ['resources/subscribe', { uri: 'x://1' }, 'legacy', -32601, 'Method not found: resources/subscribe', 404],
  ['sampling/createMessage', {}, 'modern', -32601, 'Method not found: sampling/createMessage', 404],
  ['notifications/cancelled', {}, 'modern', -32601, 'Method not found: notifications/cancelled', 404],
  ['initialize', {}, 'modern', -32601, 'Method not found: initialize', 404],
  ['ping', {}, 'modern', -32601, 'Method not found: ping', 404],
  ['logging/setLevel', { level: 'info' }, 'modern', -32601, 'Method not found: logging/setLevel', 404],
  ['logging/setLevel', { level: 'loud' }, 'legacy', -32602, 'params.level must be a log level of RFC 5424', 200],
  ['vendor/method', {}, 'modern', -32601, 'Method not found: vendor/method', 404],
  [
    'completion/complete',
    {},
    'modern',
    -32602,
    'params.ref must be a ref/prompt with a name or a ref/resource with a uri',
    200,
  ],
  ['completion/complete', { ref: { type: 'ref/prompt', name: 'x' } }, 'modern', -32602, 'Unknown prompt: x', 200],
  [
    'completion/complete',
    { ref: { type: 'ref/resource', uri: 'x://0' } },
    'legacy',
    -32002,
    'Resource not found: x://0',
    200,
  ],
  ['tools/list', { cursor: 'forged' }, 'modern', -32602, 'the cursor is not one this hub gave out', 200],
  ['tools/list', { cursor: 7 }, 'legacy', -32602, 'the cursor is not one this hub gave out', 200],
] as const)('EF-27 %s %j from a %s client: %i', async (method, params, era, code, message, http) => {
  const { call } = bench({ a: { tools: [tool('t')] }, b: {} });
  expect(await call(method, params, era)).toMatchObject({ code, message, http });
});

test('EF-25 a URI of two servers is refused, and the answer names both qualified forms', async () => {
  const shared = { resources: [{ uri: 'x://1', name: 'n' }] };
  const { hub } = bench({ a: shared, b: shared });
  const outcome = await hub.handle(exchangeOf(hub.graph, 'resources/read', { uri: 'x://1' }));
  expect(outcome).toMatchObject({
    code: -32602,
    message: 'Resource x://1 exists on several servers; ask for one of: qm://a/x://1, qm://b/x://1',
    data: rawOf({ uri: 'x://1', alternatives: ['qm://a/x://1', 'qm://b/x://1'] }),
  });
});

test('what the hub answers itself', async () => {
  const { call } = bench({ a: { tools: [tool('t')] } });
  expect(await call('ping', {}, 'legacy')).toEqual({});
  expect(await call('logging/setLevel', { level: 'warning' }, 'legacy')).toEqual({});
  expect(await call('tools/list', {}, 'legacy')).toMatchObject({ tools: [{ name: 'a_t' }] });
});

test('completion is asked under the server’s own name; a server without completion has nothing to suggest', async () => {
  const ref = { type: 'ref/prompt', name: 'a_p' };
  const rich = bench({ a: { prompts: [{ name: 'p' }], capabilities: { completions: {} } } });
  await rich.call('completion/complete', { ref, argument: { name: 'x', value: '' } });
  expect(rich.servers['a']?.calls[0]).toMatchObject({
    edits: [['ref', '{"type":"ref/prompt","name":"p"}']],
    target: undefined,
  });
  const plain = bench({ a: { prompts: [{ name: 'p' }] } });
  expect(await plain.call('completion/complete', { ref })).toEqual({
    resultType: 'complete',
    completion: { values: [] },
  });
  const template = { resourceTemplates: [{ uriTemplate: 'x://{id}', name: 'n' }], capabilities: { completions: {} } };
  const both = bench({ a: template, b: template });
  await both.call('completion/complete', { ref: { type: 'ref/resource', uri: 'qm://b/x://{id}' } });
  expect(both.servers['b']?.calls[0]?.edits).toEqual([['ref', '{"type":"ref/resource","uri":"x://{id}"}']]);
  await rich.call('completion/complete', { ref: { type: 'ref/resource', uri: 'x://any' } });
});

test('HT-0.01 vendor methods go to the only server, or to the one that is named', async () => {
  const alone = bench({ a: {} });
  expect(await alone.call('vendor/do', { x: 1 })).toEqual({ from: 'a', target: 'undefined' });
  const two = bench({ a: {}, b: {} });
  const named = (server: string): object => ({ _meta: { 'dev.quaymaster/upstream': server } });
  expect(await two.call('vendor/do', named('b'))).toMatchObject({ from: 'b' });
  expect(await two.call('vendor/do', named('default/a'))).toMatchObject({ from: 'a' });
  expect(await two.call('vendor/do', named('zz'))).toMatchObject({ code: -32602, message: 'Unknown server: zz' });
});

test('HT-0.01 vendor notifications take the same way; the specification’s own and homeless ones go nowhere', () => {
  const { router, servers } = bench({ a: {}, b: {} });
  const params = scanObject(rawOf({ x: 1, _meta: { 'dev.quaymaster/upstream': 'b', keep: 2 } }));
  router.notify('notifications/vendor', params, callerOf());
  router.notify('notifications/vendor', undefined, callerOf());
  router.notify('notifications/cancelled', params, callerOf());
  router.notify('notifications/vendor', scanObject(rawOf({ _meta: { 'dev.quaymaster/upstream': 'zz' } })), callerOf());
  expect(servers['b']?.notified).toEqual([['notifications/vendor', '{"x":1,"_meta":{"keep":2}}']]);
  const alone = bench({ a: {} });
  alone.router.notify('notifications/vendor', undefined, callerOf());
  expect(alone.servers['a']?.notified).toEqual([['notifications/vendor', '{}']]);
});

test('HT-0.10 a notification that comes round to a hub it has passed ends there', () => {
  const { router, servers } = bench({ a: {} }, {}, { identity: { id: 'desk~1', isOwn: (id) => id === 'desk~1' } });
  const passed = (hops: string) => scanObject(rawOf({ _meta: { 'dev.quaymaster/hops': hops } }));
  router.notify('notifications/vendor', passed('desk~1,b~2'), callerOf());
  expect(servers['a']?.notified).toEqual([]);
  router.notify('notifications/vendor', passed('b~2'), callerOf());
  expect(servers['a']?.notified).toHaveLength(1);
});

test.each([
  [-32002, 200, 'modern', -32002, 200],
  [-32601, 200, 'modern', -32601, 404],
  [-32601, 404, 'modern', -32601, 404],
  [-32021, 200, 'modern', -32021, 400],
  [-32020, 400, 'modern', -32603, 200],
  [-32022, 400, 'legacy', -32603, 200],
  [-32000, 200, 'legacy', -32000, 200],
] as const)(
  'checklist 45: error %i (HTTP %i) of a server reaches a %s client as %i (HTTP %i)',
  async (from, status, era, to, http) => {
    const { call, servers } = bench({ a: { tools: [tool('t')] } });
    const a = servers['a'];
    if (a !== undefined)
      a.answer = () => ({ ...protocolError(from, 'said the server', status, rawOf({ d: 1 })), origin: 'server' });
    expect(await call('tools/call', { name: 'a_t' }, era)).toMatchObject({ code: to, http });
  },
);

test('links in results carry the URI that leads back, other bytes stay', async () => {
  const shared: Offer = { tools: [tool('t')], prompts: [{ name: 'p' }], resources: [{ uri: 'x://1', name: 'n' }] };
  const { call, hub, servers } = bench({ a: shared, b: shared });
  const a = servers['a'];
  if (a === undefined) throw new Error('no server');
  a.answer = (_, upstream) =>
    resultOf(
      '{"content":[{"type":"resource_link","uri":"x://1","n":1.0},{"type":"text","text":"\\"uri\\":\\"x://1\\""},{"type":"resource","resource":{"uri":"x://1","text":"…"}}],"x":1e2}',
      upstream,
    );
  const outcome = await hub.handle(exchangeOf(hub.graph, 'tools/call', { name: 'a_t' }));
  expect(outcome).toMatchObject({
    result: {
      raw: '{"content":[{"type":"resource_link","uri":"qm://a/x://1","n":1.0},{"type":"text","text":"\\"uri\\":\\"x://1\\""},{"type":"resource","resource":{"uri":"qm://a/x://1","text":"…"}}],"x":1e2}',
    },
  });
  a.answer = (_, upstream) =>
    resultOf(
      '{"messages":[{"role":"user","content":{"type":"resource_link","uri":"x://1"}},{"content":"uri"}]}',
      upstream,
    );
  expect(await call('prompts/get', { name: 'a_p' })).toMatchObject({
    messages: [{ content: { uri: 'qm://a/x://1' } }, { content: 'uri' }],
  });
  a.answer = (_, upstream) =>
    resultOf('{"contents":[{"uri":"x://1","text":"t"},{"uri":"x://2","text":"t"}]}', upstream);
  expect(await call('resources/read', { uri: 'qm://a/x://1' })).toEqual({
    contents: [
      { uri: 'qm://a/x://1', text: 't' },
      { uri: 'qm://a/x://2', text: 't' },
    ],
  });
});

test('HT-0.07 a resource asked for in qualified form answers under that very form, though it is unambiguous', async () => {
  const { call, servers } = bench({ a: { resources: [{ uri: 'x://1', name: 'n' }] } });
  const a = servers['a'];
  if (a !== undefined) a.answer = (_, upstream) => resultOf('{"contents":[{"uri":"x://1"},{"uri":"x://2"}]}', upstream);
  expect(await call('resources/read', { uri: 'qm://a/x://1' })).toEqual({
    contents: [{ uri: 'qm://a/x://1' }, { uri: 'x://2' }],
  });
  expect(await call('resources/read', { uri: 'x://1' })).toEqual({ contents: [{ uri: 'x://1' }, { uri: 'x://2' }] });
});

test('results that need no edit are the very same object', async () => {
  const { hub, servers } = bench({
    a: { tools: [tool('t')], resources: [], capabilities: { resources: {} } },
    b: { capabilities: { resources: {} } },
  });
  const a = servers['a'];
  if (a === undefined) throw new Error('no server');
  for (const raw of [
    '{"content":[{"type":"text","text":"uri"}]}',
    '{"content":7}',
    '{"content":["\\"uri\\""]}',
    '{"content":[{"type":"resource","resource":["uri"],"uri":"x"}]}',
    '{}',
  ]) {
    const given = resultOf(raw, a);
    a.answer = () => given;
    expect(await hub.handle(exchangeOf(hub.graph, 'tools/call', { name: 'a_t' }, 'legacy'))).toBe(given);
  }
});

test('checklist 43: structured content that is no object, or whose schema was wrapped, is wrapped for legacy clients only', async () => {
  const { call, servers } = bench({
    a: { tools: [tool('array', { outputSchema: { type: 'array' } }), tool('plain')] },
  });
  const a = servers['a'];
  if (a === undefined) throw new Error('no server');
  a.answer = (_, upstream) => resultOf('{"structuredContent":[1]}', upstream);
  expect(await call('tools/call', { name: 'a_plain' }, 'legacy')).toEqual({ structuredContent: { result: [1] } });
  expect(await call('tools/call', { name: 'a_plain' }, 'modern')).toEqual({ structuredContent: [1] });
  a.answer = (_, upstream) => resultOf('{"structuredContent":{"b":1}}', upstream);
  expect(await call('tools/call', { name: 'a_array' }, 'legacy')).toEqual({ structuredContent: { result: { b: 1 } } });
  expect(await call('tools/call', { name: 'a_plain' }, 'legacy')).toEqual({ structuredContent: { b: 1 } });
});

test('EF-24 EF-69 every call leaves one record with what became of it, errors and tool errors apart', async () => {
  const { call, servers, records, clock } = bench({ a: { tools: [tool('t')] } });
  const a = servers['a'];
  if (a === undefined) throw new Error('no server');
  a.answer = async (_, upstream) => {
    await clock.advance(30);
    return resultOf('{"isError":true}', upstream);
  };
  await call('tools/call', { name: 'a_t' });
  a.answer = () => hubError('QM_CANCELLED');
  await call('tools/call', { name: 'a_t' }, 'legacy');
  await call('tools/call', { name: 'zz' });
  await call('tools/list');
  expect(records).toMatchObject([
    {
      hub: 'default/desk',
      server: 'default/a',
      method: 'tools/call',
      target: 'a_t',
      era: 'modern',
      upstreamEra: 'modern',
      outcome: 'tool_error',
      durationMs: 30,
      bytesIn: 14,
      bytesOut: 16,
      requestId: 'r-1',
      rpcId: '1',
    },
    { outcome: 'cancelled', errorCode: 'QM_CANCELLED', era: 'legacy' },
    { outcome: 'error', code: -32602, errorCode: undefined, server: undefined, target: 'zz' },
    { outcome: 'ok', method: 'tools/list', server: undefined },
  ]);
});

test('calls over the limit are refused and counted; the next one after an answer goes through', async () => {
  const { call, servers, counted, router, pinned } = bench({ a: { tools: [tool('t')] } }, { limits: { inFlight: 2 } });
  const a = servers['a'];
  if (a === undefined) throw new Error('no server');
  const answers: (() => void)[] = [];
  a.answer = (_, upstream) => new Promise((resolve) => answers.push(() => resolve(resultOf('{}', upstream))));
  const first = call('tools/call', { name: 'a_t' });
  const second = call('tools/call', { name: 'a_t' });
  expect(await call('tools/call', { name: 'a_t' })).toMatchObject({ errorCode: 'QM_OVERLOADED', http: 503 });
  expect(counted).toContain('limitRejections inFlight');
  expect([router.inFlight, pinned()]).toEqual([2, 2]);
  for (const answer of answers) answer();
  expect(await Promise.all([first, second])).toEqual([{}, {}]);
  a.answer = (_, upstream) => resultOf('{}', upstream);
  expect(await call('tools/call', { name: 'a_t' })).toEqual({});
  expect([router.inFlight, pinned()]).toEqual([0, 0]);
});

test('an upstream that breaks its contract costs one call, not the hub', async () => {
  const { call, servers, pinned } = bench({ a: { tools: [tool('t')] } });
  const a = servers['a'];
  if (a === undefined) throw new Error('no server');
  a.answer = () => {
    throw new Error('bug');
  };
  expect(await call('tools/call', { name: 'a_t' })).toMatchObject({ errorCode: 'QM_INTERNAL' });
  expect(pinned()).toBe(0);
});

test('X-01 a call for a server that is still starting waits for it instead of being unknown', async () => {
  const { call, servers } = bench({ a: undefined, b: { tools: [tool('t')] } });
  const waiting = call('tools/call', { name: 'a_t' });
  await settle();
  servers['a']?.list(listing({ tools: [tool('t')] }));
  expect(await waiting).toEqual({ from: 'a', target: 't' });
});

test('X-01 when that server fails, the answer says so; a tool it does not have is unknown', async () => {
  const { call, servers } = bench({ a: undefined });
  const failing = call('tools/call', { name: 'a_t' });
  const missing = call('tools/call', { name: 'a_zz' });
  await settle();
  servers['a']?.enter('Degraded', 'CrashLoop', 'exits at once');
  expect(await failing).toMatchObject({
    errorCode: 'QM_SERVER_FAILED',
    message: 'server "a" is not available: exits at once',
  });
  expect(await missing).toMatchObject({ errorCode: 'QM_SERVER_FAILED' });
  servers['a']?.list(listing({ tools: [tool('t')] }));
  expect(await call('tools/call', { name: 'a_zz' })).toMatchObject({ code: -32602 });
});

test('X-01 a name that clearly belongs to nobody unlisted does not wait; one that may belong waits bounded', async () => {
  const prefixed = bench({ a: undefined });
  expect(await prefixed.call('tools/call', { name: 'zz' })).toMatchObject({ code: -32602 });
  const bare = bench({ a: undefined }, { naming: { strategy: 'none', aliases: { al: { server: 'a', tool: 'x' } } } });
  const waiting = bare.call('tools/call', { name: 'zz' });
  const aliased = bare.call('tools/call', { name: 'al' });
  await bare.clock.advance(3_000);
  expect(await waiting).toMatchObject({ code: -32602 });
  await bare.clock.advance(7_000);
  expect(await aliased).toMatchObject({ errorCode: 'QM_SERVER_FAILED' });
});

test('a request cancelled while it waits ends at once', async () => {
  const { hub } = bench({ a: undefined });
  const call = exchangeOf(hub.graph, 'tools/call', { name: 'a_t' });
  const list = exchangeOf(hub.graph, 'tools/list');
  const outcomes = Promise.all([hub.handle(call), hub.handle(list)]);
  await settle();
  call.leg.cancellation.cancel('client-gone');
  list.leg.cancellation.cancel('client-gone');
  expect(await outcomes).toMatchObject([{ errorCode: 'QM_CANCELLED' }, { errorCode: 'QM_CANCELLED' }]);
});

test('a call on an old graph for a server that left the hub is told so', async () => {
  const { hub } = bench({ a: { tools: [tool('t')] } });
  const graph = { ...hub.graph, upstream: () => undefined };
  expect(seen(await hub.handle(exchangeOf(graph, 'tools/call', { name: 'a_t' })))).toMatchObject({
    errorCode: 'QM_SERVER_FAILED',
  });
});
