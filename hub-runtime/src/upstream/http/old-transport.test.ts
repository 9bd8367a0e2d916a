/** HTTP+SSE of 2024-11-05 toward servers, over real sockets. */
import { describe, expect, test } from 'vitest';

import type { ErrorOutcome } from '../../exchange/index.ts';
import { emptyObject, type RawJson } from '../../wire/index.ts';
import { call, eventually, makeCall, type SseMessage, type SseScript } from '../testing/index.ts';
import { asPrimary, echo, methodsOf, textOf, useSse } from './old-transport.fixture.ts';
import { ssePipeLimits } from './sse-pipe.ts';

const { connected } = useSse();

describe('HT-0.13 a server of HTTP+SSE', () => {
  test('is recognised: POST is refused, GET names an address', async () => {
    const { server, conversation } = await connected();
    expect(conversation).toMatchObject({ era: 'legacy', revision: '2024-11-05', transport: 'sse' });
    expect(server.requests.map(({ verb }) => verb).slice(0, 3)).toEqual(['POST', 'POST', 'GET']);
    expect(textOf(await call(conversation))).toContain('"echoed":');
    expect(methodsOf(server)).toEqual(['initialize', 'notifications/initialized', 'tools/call']);
  });

  test('transport: sse asks for nothing else, and the next conversation neither', async () => {
    const { server } = await connected(echo, { config: { transport: 'sse' } });
    expect(server.requests[0]?.verb).toBe('GET');
  });

  test('once recognised it is not probed again for every client', async () => {
    const { server, connector } = await connected();
    await eventually(() => methodsOf(server).length === 2, 'the first is open');
    const before = server.requests.length;
    const second = await connector.connect({ ...asPrimary, purpose: 'client' }, new AbortController().signal);
    expect(server.requests[before]?.verb).toBe('GET');
    await second.close('done');
    await eventually(() => server.open === 1, 'the second stream is closed');
  });

  test('gets the configured headers with every request', async () => {
    const { server, conversation } = await connected(echo, { headers: { 'X-Team': 'docs' } });
    await call(conversation);
    expect(server.requests.every(({ headers }) => headers['x-team'] === 'docs')).toBe(true);
  });

  test('progress, the answer and notifications come by one stream, each to its call', async () => {
    const { conversation } = await connected({
      answer: (message, session) => {
        const token = (message.params?.['_meta'] as { progressToken?: unknown } | undefined)?.progressToken;
        if (token !== undefined)
          session.say({
            jsonrpc: '2.0',
            method: 'notifications/progress',
            params: { progressToken: token, progress: 1 },
          });
        return { content: [] };
      },
    });
    const heard: string[] = [];
    conversation.onNotification((method) => heard.push(method));
    const one = makeCall('tools/call', { name: 'a', arguments: {} }, { leg: { progressToken: '"mine"' as RawJson } });
    expect(textOf(await conversation.send(one.call))).toContain('content');
    expect(one.notes.map((note) => JSON.parse(note) as unknown)).toEqual([
      { jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: 'mine', progress: 1 } },
    ]);
  });

  test('a cancellation follows its call and does not overtake it', async () => {
    let letIn = (): void => {};
    const { server, conversation } = await connected({
      answer: () => undefined,
      taken: ({ method }) => (method === 'tools/call' ? new Promise((resolve) => (letIn = resolve)) : undefined),
    });
    const one = makeCall('tools/call', { name: 'hang', arguments: {} });
    const outcome = conversation.send(one.call);
    await eventually(() => methodsOf(server).includes('tools/call'), 'the call has arrived');
    one.call.exchange.leg.cancellation.cancel('client-cancelled');
    expect(await outcome).toMatchObject({ kind: 'error', errorCode: 'QM_CANCELLED' });
    letIn();
    await eventually(() => methodsOf(server).includes('notifications/cancelled'), 'the server is told');
    expect(methodsOf(server).slice(-2)).toEqual(['tools/call', 'notifications/cancelled']);
  });

  test('a server that answers each POST only when its call is done gets cancellations all the same', async () => {
    const { server, conversation } = await connected({
      answer: () => undefined,
      taken: ({ method }) => (method === 'tools/call' ? new Promise(() => {}) : undefined),
    });
    const one = makeCall('tools/call', { name: 'hang', arguments: {} });
    void conversation.send(one.call);
    await eventually(() => methodsOf(server).includes('tools/call'), 'the call has arrived');
    one.call.exchange.leg.cancellation.cancel('client-cancelled');
    await eventually(() => methodsOf(server).includes('notifications/cancelled'), 'the server is told');
  });

  test('EF-29 hundreds of calls side by side get their own answers', async () => {
    const { conversation } = await connected();
    const marks = Array.from({ length: 300 }, (_, n) => `mark ${n}`);
    const results = await Promise.all(
      marks.map(async (mark) =>
        textOf(await conversation.send(makeCall('tools/call', { name: 'echo', arguments: { mark } }).call)),
      ),
    );
    expect(results.every((text, n) => text.includes(`"${marks[n] ?? ''}"`))).toBe(true);
  });

  test('an event over the limit of the manifest ends it', async () => {
    const config = { transport: 'sse', limits: { responseBytes: 100_000 } } as const;
    const answer: SseScript['answer'] = ({ params }) => {
      const { bytes = 0 } = (params?.['arguments'] ?? {}) as { bytes?: number };
      return { text: 'x'.repeat(bytes) };
    };
    const { conversation, ends } = await connected({ answer }, { config });
    const ask = (bytes: number) => conversation.send(makeCall('tools/call', { name: 'a', arguments: { bytes } }).call);
    expect(await ask(99_000)).toMatchObject({ kind: 'result' });
    expect(await ask(100_000)).toMatchObject({ errorCode: 'QM_SERVER_GONE' });
    expect(ends[0]?.message).toContain('100000 bytes');
  });

  test('what waits to be posted is bounded', async () => {
    const { server, conversation } = await connected({
      answer: () => undefined,
      taken: ({ method }) => (method === 'tools/call' ? new Promise(() => {}) : undefined),
    });
    await eventually(() => methodsOf(server).length === 2, 'it is open');
    await conversation.request('ping', emptyObject, 1_000).catch(() => undefined);
    const most = ssePipeLimits.posts + ssePipeLimits.waiting;
    const outcomes: string[] = [];
    for (let n = 0; n <= most; n++)
      void call(conversation).then((outcome) => outcomes.push((outcome as ErrorOutcome).errorCode ?? outcome.kind));
    await eventually(() => outcomes.length > 0, 'the one too many is refused');
    expect(outcomes).toEqual(['QM_OVERLOADED']);
  });
});

describe('the end of a stream', () => {
  test('ends the conversation and fails what is in flight', async () => {
    const { server, conversation, ends } = await connected({ answer: () => undefined });
    const outcome = call(conversation);
    await eventually(() => methodsOf(server).includes('tools/call'), 'the call has arrived');
    server.sessions[0]?.response.end();
    expect(await outcome).toMatchObject({ errorCode: 'QM_SERVER_GONE' });
    expect(ends).toEqual([{ reason: 'ConnectionLost', message: 'it closed the event stream' }]);
  });

  test('EF-31 a call that only reads is handed back to be sent again, another is not', async () => {
    const sent: string[] = [];
    const resend = ({ exchange }: { exchange: { method: string } }) => {
      sent.push(exchange.method);
      return undefined;
    };
    const { server, conversation } = await connected({ answer: () => undefined }, { request: { resend } });
    const both = [
      conversation.send(makeCall('resources/read', { uri: 'a:b' }).call),
      conversation.send(makeCall('tools/call', { name: 'x', arguments: {} }).call),
    ];
    await eventually(() => methodsOf(server).length >= 4, 'both have arrived');
    server.sessions[0]?.response.destroy();
    await Promise.all(both);
    expect(sent).toEqual(['resources/read']);
  });

  test('a session the server forgot: the call was not executed and is handed back', async () => {
    const sent: string[] = [];
    const resend = ({ exchange }: { exchange: { method: string } }) => {
      sent.push(exchange.method);
      return undefined;
    };
    const status = ({ method }: { method?: string }) => (method === 'tools/call' ? 404 : undefined);
    const { conversation, ends } = await connected({ status }, { request: { resend } });
    await call(conversation);
    expect(sent).toEqual(['tools/call']);
    expect(ends.map(({ reason }) => reason)).toEqual(['SessionLost']);
  });

  test.each([
    [401, 'QM_SERVER_FAILED'],
    [413, 'QM_UPSTREAM_PROTOCOL'],
    [500, 'QM_SERVER_STATUS'],
    [503, 'QM_SERVER_FAILED'],
  ])('HTTP %d to a POST is the answer of that call alone', async (code, errorCode) => {
    const status = ({ method }: { method?: string }) => (method === 'tools/call' ? code : undefined);
    const { conversation, ends } = await connected({ status, answer: () => ({}) });
    expect(await call(conversation)).toMatchObject({ kind: 'error', errorCode });
    expect(await conversation.request('ping', emptyObject, 1_000)).toMatchObject({ kind: 'result' });
    expect(ends).toEqual([]);
  });

  test('closing gives everything back', async () => {
    const { server, conversation, pool } = await connected();
    await conversation.close('done');
    await eventually(() => server.open === 0, 'the stream is closed');
    expect(pool.stats()).toEqual([]);
    expect(await call(conversation)).toMatchObject({ errorCode: 'QM_SERVER_GONE' });
  });
});

describe('servers that do it their own way', () => {
  const isCall = ({ method }: SseMessage): boolean => method === 'tools/call';

  test('an answer as the body of the POST, in a batch, or as an error under 404', async () => {
    const json = { 'content-type': 'application/json' };
    const inBody = await connected({
      post: (message, response) => {
        if (!isCall(message)) return false;
        response.writeHead(200, json).end(JSON.stringify({ jsonrpc: '2.0', id: message.id, result: { way: 'body' } }));
        return true;
      },
    });
    expect(textOf(await call(inBody.conversation))).toContain('body');
    const inBatch = await connected({
      answer: (message, session) => {
        session.say([{ jsonrpc: '2.0', id: message.id, result: { way: 'batch' } }, 7]);
        return undefined;
      },
    });
    expect(textOf(await call(inBatch.conversation))).toContain('batch');
    const unknown = await connected({
      post: (message, response) => {
        if (!isCall(message)) return false;
        const error = { code: -32_601, message: 'Method not found' };
        response.writeHead(404, json).end(JSON.stringify({ jsonrpc: '2.0', id: message.id, error }));
        return true;
      },
    });
    expect(await call(unknown.conversation)).toMatchObject({ kind: 'error' });
    expect(unknown.ends).toEqual([]);
  });

  test('a broken answer that says whose it is, and rubbish that does not', async () => {
    const { conversation } = await connected({
      answer: (message, session) => {
        session.say('rubbish');
        session.say(`{"jsonrpc":"2.0","id":${String(message.id)},"result":{}} and more`);
        session.say({ jsonrpc: '2.0', id: message.id, result: {} });
        return undefined;
      },
    });
    expect(['result', 'error']).toContain((await call(conversation)).kind);
  });

  test('a POST whose connection breaks: the call is lost, the conversation goes on', async () => {
    const { conversation, ends } = await connected({
      answer: () => ({}),
      post: (message, response) => {
        if (isCall(message)) response.destroy();
        return isCall(message);
      },
    });
    expect(await call(conversation)).toMatchObject({ errorCode: 'QM_SERVER_GONE' });
    expect(await conversation.request('ping', emptyObject, 1_000)).toMatchObject({ kind: 'result' });
    expect(ends).toEqual([]);
  });

  test('a question is answered by a POST, whatever waits', async () => {
    const { server, conversation } = await connected(
      {
        answer: ({ id }, session) => {
          session.say({ jsonrpc: '2.0', id: 'ping 1', method: 'ping' });
          session.say({ jsonrpc: '2.0', id: 'q', method: 'vendor/ask' });
          session.say({ jsonrpc: '2.0', id, result: {} });
          return undefined;
        },
      },
      {},
    );
    await call(conversation);
    const answered = (id: string) =>
      server.sessions[0]?.received.find((one) => one.id === id && one.method === undefined);
    await eventually(() => answered('q') !== undefined, 'both are answered');
    expect(answered('ping 1')).toMatchObject({ result: {} });
    expect(answered('q')).toHaveProperty('error');
  });

  test('a server that is gone: what was not sent is handed back', async () => {
    const sent: string[] = [];
    const resend = ({ exchange }: { exchange: { method: string } }) => {
      sent.push(exchange.method);
      return undefined;
    };
    const { server, conversation, ends } = await connected(echo, { request: { resend } });
    await server.close();
    const outcome = await call(conversation);
    expect(outcome.kind).toBe('error');
    await eventually(() => ends.length === 1, 'the end is told');
  });
});
