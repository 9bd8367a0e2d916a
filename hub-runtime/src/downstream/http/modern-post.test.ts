import { describe, expect, test } from 'vitest';

import { hubError, protocolError } from '../../exchange/index.ts';
import { modernRevision, rawOf, scanObject } from '../../wire/index.ts';
import { FakeHub, serverResult, textResult } from '../fake-hub.ts';
import { enveloped, initialize, jsonHeaders, modern, modernHeaders, startRig } from './test-http.ts';

const hubInfo = { name: 'quaymaster', version: '0.0.0' };

describe('a modern call', () => {
  test('EF-22 HT-0.12 one POST, one answer, no session', async () => {
    await using rig = await startRig();
    rig.hub.answer = () => serverResult({ content: [{ type: 'text', text: 'é' }], 'x-vendor': 1 });
    const sent = modern('tools/call', { name: 'notes_read', arguments: { a: [1.0] } }, 'id-1');
    const answer = await rig.send({ ...sent, headers: { ...sent.headers, 'mcp-session-id': 'ignored' } });
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(answer.headers['mcp-session-id']).toBeUndefined();
    expect(answer.json).toEqual({
      jsonrpc: '2.0',
      id: 'id-1',
      result: {
        resultType: 'complete',
        content: [{ type: 'text', text: 'é' }],
        'x-vendor': 1,
        _meta: { 'io.modelcontextprotocol/serverInfo': hubInfo, 'dev.quaymaster/upstream': 'notes' },
      },
    });
    expect(rig.hub.calls[0]?.caller).toMatchObject({ era: 'modern', revision: modernRevision, capabilities: '{}' });
  });

  test('checklist 21: id 0, "" and big ones come back as they went', async () => {
    await using rig = await startRig();
    for (const id of [0, '', -1, 'ü"\\', 9007199254740991])
      expect((await rig.send(modern('tools/call', { name: 'a' }, id))).json.id).toBe(id);
  });

  test('checklist 1: both eras at once on one URL', async () => {
    await using rig = await startRig();
    const [one, two] = await Promise.all([rig.send(initialize), rig.send(modern('server/discover'))]);
    expect([one.json.result.protocolVersion, two.json.result.supportedVersions]).toEqual([
      '2025-11-25',
      [modernRevision],
    ]);
  });

  test('log level and progress token reach the leg', async () => {
    await using rig = await startRig();
    const meta = enveloped({ 'io.modelcontextprotocol/logLevel': 'info', progressToken: 0 });
    await rig.send(modern('tools/call', { name: 'a', _meta: meta }));
    expect(rig.hub.calls[0]?.leg).toMatchObject({ logLevel: 'info', progressToken: '0' });
  });

  test('an unknown resultType of a server is an error, never complete', async () => {
    await using rig = await startRig();
    rig.hub.answer = () => serverResult({ resultType: 'task', taskId: 't' }, 'modern');
    const { json } = await rig.send(modern('tools/call', { name: 'a' }));
    expect(json.error.data.code).toBe('QM_UPSTREAM_PROTOCOL');
  });

  test('a throw inside the hub is answered, not lost', async () => {
    await using rig = await startRig();
    rig.hub.answer = () => {
      throw new Error('bug');
    };
    const answer = await rig.send(modern('tools/call', { name: 'a' }));
    expect([answer.status, answer.json.error.data.code]).toEqual([500, 'QM_INTERNAL']);
  });
});

describe('errors and their HTTP status (1.2)', () => {
  test.each<[string, number, number]>([
    ['unknown method', -32601, 404],
    ['unknown tool', -32602, 200],
    ['of the server itself', -31999, 200],
  ])('%s', async (_name, code, status) => {
    await using rig = await startRig();
    rig.hub.answer = () => protocolError(code, 'x', status);
    const answer = await rig.send(modern('tools/call', { name: 'a' }));
    expect([answer.status, answer.json.error.code]).toEqual([status, code]);
  });

  test.each(['initialize', 'ping', 'logging/setLevel', 'resources/subscribe'])(
    'checklist 13: the removed method %s is 404 -32601',
    async (method) => {
      await using rig = await startRig();
      const answer = await rig.send(modern(method));
      expect([answer.status, answer.json.error.code, rig.hub.calls.length]).toEqual([404, -32601, 0]);
    },
  );

  test('the legacy "resource not found" becomes -32602', async () => {
    await using rig = await startRig();
    rig.hub.answer = () => ({ ...protocolError(-32002, 'none', 200), origin: 'server' });
    expect((await rig.send(modern('resources/read', { uri: 'a://b' }))).json.error.code).toBe(-32602);
  });

  test('limits.inFlight -> 503 with Retry-After', async () => {
    await using rig = await startRig();
    rig.hub.answer = () => hubError('QM_OVERLOADED', { limit: 1, what: 'calls in flight' });
    const answer = await rig.send(modern('tools/call', { name: 'a' }));
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '1']);
  });

  test.each<[string, number, Record<string, string>, Record<string, unknown>]>([
    ['no envelope', -32602, modernHeaders('tools/list'), {}],
    ['version header missing', -32020, { ...jsonHeaders, 'mcp-method': 'tools/list' }, { _meta: enveloped() }],
    [
      'method header missing',
      -32020,
      { ...jsonHeaders, 'mcp-protocol-version': modernRevision },
      { _meta: enveloped() },
    ],
    ['method header different', -32020, modernHeaders('tools/call'), { _meta: enveloped() }],
  ])('checklist 8, 9: %s -> 400 %i', async (_name, code, headers, params) => {
    await using rig = await startRig();
    const answer = await rig.send({ headers, body: { jsonrpc: '2.0', id: 7, method: 'tools/list', params } });
    expect([answer.status, answer.json.error.code, answer.json.id]).toEqual([400, code, 7]);
    expect(rig.hub.calls).toEqual([]);
  });

  test('checklist 8: an unsupported version -> 400 -32022 with the list', async () => {
    await using rig = await startRig();
    const answer = await rig.send({
      headers: { ...modernHeaders('tools/list'), 'mcp-protocol-version': '2030-01-01' },
      body: {
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/list',
        params: { _meta: enveloped({ 'io.modelcontextprotocol/protocolVersion': '2030-01-01' }) },
      },
    });
    expect(answer.json.error).toMatchObject({
      code: -32022,
      data: { supported: [modernRevision], requested: '2030-01-01' },
    });
    expect(rig.edge.counted.get('refusedRequests QM_UNSUPPORTED_VERSION')).toBe(1);
  });

  test('a posted response is 400, a notification 202', async () => {
    await using rig = await startRig();
    const headers = modernHeaders('x');
    expect((await rig.send({ headers: jsonHeaders, body: { jsonrpc: '2.0', id: 1, result: {} } })).status).toBe(400);
    const note = { jsonrpc: '2.0', method: 'x', params: { _meta: enveloped() } };
    expect((await rig.send({ headers, body: note })).status).toBe(202);
    expect(rig.hub.notifications).toMatchObject([{ method: 'x', caller: { era: 'modern' } }]);
  });
});

describe('server/discover', () => {
  test('checklist 7: what the hub really serves', async () => {
    await using rig = await startRig();
    expect((await rig.send(modern('server/discover'))).json.result).toEqual({
      resultType: 'complete',
      supportedVersions: [modernRevision],
      capabilities: { tools: { listChanged: true } },
      instructions: 'Be kind.',
      ttlMs: 5000,
      cacheScope: 'public',
      _meta: { 'io.modelcontextprotocol/serverInfo': hubInfo },
    });
  });
});

describe('questions of a server', () => {
  test('a round passes with the hub\u2019s own serverInfo, everything else as it came', async () => {
    await using rig = await startRig();
    const round = { a: { method: 'elicitation/create', params: { message: 'grüße' } } };
    const result = scanObject(rawOf({ resultType: 'input_required', inputRequests: round, requestState: 's', x: 1 }));
    if (result === undefined) throw new Error('not an object');
    rig.hub.answer = () => ({ kind: 'inputRequired' as const, result, server: 'notes' });
    const { json, status } = await rig.send(modern('tools/call', { name: 'a' }));
    expect(status).toBe(200);
    expect(json.result).toEqual({
      resultType: 'input_required',
      inputRequests: round,
      requestState: 's',
      x: 1,
      _meta: { 'io.modelcontextprotocol/serverInfo': hubInfo, 'dev.quaymaster/upstream': 'notes' },
    });
  });
});

describe('Mcp-Param-* headers', () => {
  const path = { header: 'mcp-param-region', path: ['region'], type: 'string' as const };

  test('checklist 10: declared ones must agree with the arguments, others are handed on', async () => {
    await using rig = await startRig();
    rig.hub.routes.set('notes_read', { serverKey: 'default/notes', original: 'read', paramHeaders: [path] });
    const sent = modern('tools/call', { name: 'notes_read', arguments: { region: 'eu' } });
    expect((await rig.send(sent)).json.error.code).toBe(-32020);
    const headers = { ...sent.headers, 'mcp-param-region': 'eu', 'Mcp-Param-Extra': 'x' };
    expect((await rig.send({ ...sent, headers })).json.result.resultType).toBe('complete');
    expect(rig.hub.calls).toHaveLength(1);
    expect({ ...rig.hub.calls[0]?.paramHeaders }).toEqual({ 'mcp-param-region': 'eu', 'mcp-param-extra': 'x' });
    await rig.send(modern('tools/call', { name: 'other' }));
    expect(rig.hub.calls[1]?.paramHeaders).toBeUndefined();
  });
});

describe('a hub without the modern era', () => {
  test('answers a modern probe as an old server would, so that clients fall back', async () => {
    await using rig = await startRig(new FakeHub({ eras: ['legacy'] }));
    const probe = await rig.send(modern('server/discover'));
    expect([probe.status, probe.json.error.code]).toEqual([400, -32600]);
    const unnamed = await rig.send({ ...modern('server/discover'), headers: jsonHeaders });
    expect([unnamed.status, unnamed.json.error.code]).toEqual([400, -32600]);
    expect((await rig.send(initialize)).status).toBe(200);
  });
});

test('checklist 14: GET and DELETE belong to the legacy era; other methods are 405 with Allow', async () => {
  await using rig = await startRig();
  for (const method of ['PUT', 'PATCH', 'HEAD']) {
    const answer = await rig.send({ method });
    expect([answer.status, answer.headers['allow']]).toEqual([405, 'GET, POST, DELETE']);
  }
  rig.hub.answer = () => textResult('x');
  expect((await rig.send({ ...modern('tools/call', { name: 'a' }), path: '/mcp?x=1' })).status).toBe(200);
});
