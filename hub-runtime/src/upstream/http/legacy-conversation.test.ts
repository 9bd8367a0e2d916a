import { afterEach, describe, expect, test } from 'vitest';

import { type LaneCall, type Outcome } from '../../exchange/index.ts';
import type { RawJson } from '../../wire/index.ts';
import type { Conversation } from '../conversation.ts';
import {
  call,
  closeWorld,
  complete,
  connectTo,
  eventually,
  legacy,
  makeCall,
  methods,
  open,
  resultOf,
  type TinyReply,
  type TinyRequest,
} from '../testing/index.ts';

afterEach(closeWorld);

describe('only legacy', () => {
  test('checklist 57: a lost session is opened anew once for all, calls are repeated, lists read again', async () => {
    const { answer, state } = legacy((one) => ({ result: { name: one.message.params?.['name'] } }));
    const sentAgain = new Set<LaneCall>();
    const holder: { conversation?: Conversation } = {};
    const resend = (one: LaneCall): Promise<Outcome> | undefined => {
      if (sentAgain.has(one)) return undefined;
      sentAgain.add(one);
      return holder.conversation?.send(one);
    };
    const { conversation, server } = await open(answer, { request: { resend } });
    holder.conversation = conversation;
    const heard: string[] = [];
    conversation.onNotification((method) => heard.push(method));
    state.alive.clear();
    const names = ['a', 'b', 'c', 'd', 'e'];
    const outcomes = await Promise.all(names.map((name) => call(conversation, makeCall('tools/call', { name }))));
    expect(outcomes.map((one) => resultOf(one)['name'])).toEqual(names);
    expect(methods(server).filter((one) => one === 'initialize')).toHaveLength(2);
    expect(heard).toEqual(['notifications/tools/list_changed']);
    state.alive.clear();
    expect(await conversation.request('tools/list', '{}' as RawJson, 1_000)).toMatchObject({ kind: 'result' });
  });

  test('a late 404 of the old session does not end the new one', async () => {
    const late: TinyRequest[] = [];
    const { answer, state } = legacy();
    const holder: { conversation?: Conversation } = {};
    const { conversation } = await open(
      (one) => {
        if (one.message.params?.['name'] !== 'slow' || one.headers['mcp-session-id'] !== 's1') return answer(one);
        late.push(one);
        return { hang: true };
      },
      { request: { resend: (one) => holder.conversation?.send(one) } },
    );
    holder.conversation = conversation;
    const slow = call(conversation, makeCall('tools/call', { name: 'slow' }));
    await eventually(() => late.length === 1, 'the slow call arrives');
    state.alive.clear();
    resultOf(await call(conversation));
    expect(state.opened).toBe(2);
    late[0]?.response.writeHead(404).end();
    resultOf(await slow);
    expect(state.opened).toBe(2);
  });

  test('400 with the word session means the same to widely used servers; -32601 as 404 does not', async () => {
    const replies: TinyReply[] = [
      { status: 400, error: { code: -32_000, message: 'Bad Request: No valid session ID provided' } },
      { status: 404, error: { code: -32_601, message: 'no such method' } },
    ];
    const { answer, state } = legacy(() => replies.shift() ?? { result: {} });
    const holder: { conversation?: Conversation } = {};
    const conversation = await connectTo(answer, { request: { resend: (one) => holder.conversation?.send(one) } });
    holder.conversation = conversation;
    expect(await call(conversation)).toMatchObject({ origin: 'server', code: -32_601, httpStatus: 404 });
    expect(state.opened).toBe(2);
  });

  test('checklist 13: a bare refusal of a method that nobody knows is -32601, of a tool call it is not', async () => {
    const { answer } = legacy();
    const plain = { status: 400, body: 'JSON RPC not handled' };
    const conversation = await connectTo((one) =>
      ['x/unknown', 'tools/call'].includes(String(one.message.method)) ? plain : answer(one),
    );
    expect(await call(conversation, makeCall('x/unknown', {}))).toMatchObject({
      origin: 'server',
      code: -32_601,
      httpStatus: 404,
    });
    expect(await call(conversation)).toMatchObject({ errorCode: 'QM_UPSTREAM_PROTOCOL' });
  });

  test('a session that cannot be opened anew ends the conversation', async () => {
    const { answer, state } = legacy();
    let broken = false;
    const { conversation } = await open((one) =>
      broken && one.message.method === 'initialize' ? { status: 500 } : answer(one),
    );
    const ended = new Promise((resolve) => conversation.onClosed(({ reason }) => resolve(reason)));
    broken = true;
    state.alive.clear();
    expect(await call(conversation)).toMatchObject({ errorCode: 'QM_SERVER_FAILED' });
    expect(await ended).toBe('Unreachable');
  });

  test('a server upgraded to the newer era only ends the conversation', async () => {
    let upgraded = false;
    const { answer } = legacy();
    const { conversation } = await open((one) =>
      upgraded
        ? { status: 400, error: { code: -32_022, message: 'no', data: { supported: ['2026-07-28'] } } }
        : answer(one),
    );
    upgraded = true;
    const ended = new Promise((resolve) => conversation.onClosed(({ reason }) => resolve(reason)));
    expect(await call(conversation)).toMatchObject({ errorCode: 'QM_UPSTREAM_PROTOCOL' });
    expect(await ended).toBe('HandshakeFailed');
  });

  test('requests of the server are answered: ping with {}, what nobody was told of with -32601', async () => {
    const asking = (one: TinyRequest): TinyReply => ({
      events: [
        { jsonrpc: '2.0', id: 'p', method: 'ping' },
        { jsonrpc: '2.0', id: 7, method: 'sampling/createMessage', params: {} },
        complete(one.message['id']),
      ],
    });
    const { conversation, server } = await open(legacy(asking).answer);
    await call(conversation);
    const answers = (): unknown[] =>
      server.requests
        .filter((one) => one.message['result'] !== undefined || one.message['error'] !== undefined)
        .map((one) => one.message);
    await eventually(() => answers().length === 2, 'both answers arrive');
    expect(answers()).toContainEqual({ jsonrpc: '2.0', id: 'p', result: {} });
    expect(answers()).toContainEqual({
      jsonrpc: '2.0',
      id: 7,
      error: { code: -32_601, message: 'this client did not declare what sampling/createMessage needs' },
    });
  });

  test('what the server says unasked comes on the GET stream; a server without one is left in peace', async () => {
    const streams: TinyRequest[] = [];
    const { answer, state } = legacy();
    state.get = true;
    const { conversation } = await open((one) => {
      if (one.verb === 'GET') streams.push(one);
      return answer(one);
    });
    expect(streams[0]?.headers).toMatchObject({
      accept: 'text/event-stream',
      'mcp-session-id': 's1',
      'mcp-protocol-version': '2025-06-18',
    });
    expect(streams[0]?.headers['content-type']).toBeUndefined();
    const heard: string[] = [];
    conversation.onNotification((method) => heard.push(method));
    streams[0]?.response.write(
      'data: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n\ndata: rubbish\n\n',
    );
    await eventually(() => heard.length === 1, 'the change is heard');
    streams[0]?.response.destroy();
    await eventually(() => streams.length === 2, 'it is opened again');
    await eventually(() => heard.length === 2, 'a change may have been missed');
    const without = await open(legacy().answer);
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(without.server.requests.filter((one) => one.verb === 'GET')).toHaveLength(1);
  });

  test('EF-28 roots that are read on the GET stream are not those of a call whose client has none', async () => {
    const streams: TinyRequest[] = [];
    const calls: TinyRequest[] = [];
    const { answer, state } = legacy();
    state.get = true;
    const { conversation, server } = await open((one) => {
      if (one.verb === 'GET') streams.push(one);
      if (one.message?.['method'] !== 'tools/call') return answer(one);
      calls.push(one);
      return { events: [], open: true };
    });
    const outcome = call(conversation);
    await eventually(() => calls.length === 1 && streams.length === 1, 'the call is in flight');
    streams[0]?.response.write('data: {"jsonrpc":"2.0","id":"r","method":"roots/list"}\n\n');
    await eventually(
      () => server.requests.some(({ message }) => JSON.stringify(message?.['result']) === '{"roots":[]}'),
      'the server reads that there are none',
    );
    calls[0]?.response.end(`data: ${JSON.stringify(complete(calls[0].message['id']))}\n\n`);
    expect(await outcome).toMatchObject({ kind: 'result' });
  });

  test('a session lost while only the GET stream is open is noticed there', async () => {
    const { answer, state } = legacy();
    state.get = true;
    const streams: TinyRequest[] = [];
    await open((one) => {
      if (one.verb === 'GET') streams.push(one);
      return answer(one);
    });
    state.alive.clear();
    streams[0]?.response.end();
    await eventually(() => state.opened === 2, 'a new session');
    await eventually(() => streams.length >= 3, 'a new stream');
  });
});
