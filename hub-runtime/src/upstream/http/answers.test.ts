import { afterEach, describe, expect, test } from 'vitest';

import { type LaneCall, type Outcome } from '../../exchange/index.ts';
import type { RawJson } from '../../wire/index.ts';
import {
  type Answer,
  call,
  closeWorld,
  complete,
  connectTo,
  eventually,
  legacy,
  makeCall,
  methods,
  modern,
  open,
  progress,
  resultOf,
  serverConfig,
  type TinyReply,
  type TinyRequest,
} from '../testing/index.ts';
import { httpLimits } from './index.ts';

afterEach(closeWorld);

describe.each(['modern', 'legacy'] as const)('answers of a %s server', (era) => {
  const serving = (calls: Answer): Answer => (era === 'modern' ? modern(calls) : legacy(calls).answer);
  const id = (one: TinyRequest): unknown => one.message['id'];

  test('checklist 22: progress in order, also the one written together with the answer, none after it', async () => {
    const conversation = await connectTo(
      serving((one) => {
        const token = (one.message.params?.['_meta'] as { progressToken?: unknown } | undefined)?.progressToken;
        return {
          events: [
            '',
            progress(token, 1),
            progress(token, 2),
            progress('other', 9),
            complete(id(one)),
            progress(token, 3),
          ],
        };
      }),
    );
    const one = makeCall('tools/call', { name: 'a' }, { leg: { progressToken: '0' as RawJson } });
    expect(resultOf(await call(conversation, one))).toMatchObject({ ok: true });
    expect(one.notes.map((note) => JSON.parse(note).params)).toEqual([
      { progressToken: 0, progress: 1 },
      { progressToken: 0, progress: 2 },
    ]);
    expect(conversation.inFlight).toBe(0);
  });

  test('checklist 36: logs go only to requests that want them, at their level', async () => {
    const log = (level: string) => ({
      jsonrpc: '2.0',
      method: 'notifications/message',
      params: { level, data: level },
    });
    const conversation = await connectTo(
      serving((one) => ({ events: [log('debug'), log('error'), log('odd'), complete(id(one))] })),
    );
    const levels = async (logLevel: string | undefined, callerEra: 'modern' | 'legacy'): Promise<string[]> => {
      const one = makeCall('tools/call', { name: 'a' }, { leg: { logLevel }, caller: { era: callerEra } });
      await call(conversation, one);
      return one.notes.map((note) => JSON.parse(note).params.level);
    };
    expect(await levels(undefined, 'modern')).toEqual([]);
    expect(await levels('warning', 'modern')).toEqual(['error', 'odd']);
    expect(await levels(undefined, 'legacy')).toEqual(['debug', 'error', 'odd']);
  });

  test('vendor notifications stay with their request; list changes go to who watches the server', async () => {
    const conversation = await connectTo(
      serving((one) => ({
        events: [
          { jsonrpc: '2.0', method: 'notifications/vendor', params: { x: 1 } },
          { jsonrpc: '2.0', method: 'notifications/tools/list_changed' },
          { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } },
          complete(id(one)),
        ],
      })),
    );
    const heard: string[] = [];
    conversation.onNotification((method) => heard.push(method));
    const one = makeCall('tools/call', { name: 'a' });
    await call(conversation, one);
    expect(one.notes).toEqual(['{"jsonrpc":"2.0","method":"notifications/vendor","params":{"x":1}}']);
    expect(heard).toEqual(['notifications/tools/list_changed']);
  });

  test.each<[string, (one: TinyRequest) => TinyReply, string]>([
    ['another id', (one) => ({ body: JSON.stringify(complete(Number(id(one)) + 1)) }), 'QM_UPSTREAM_PROTOCOL'],
    [
      'another id on a stream',
      (one) => ({ events: [complete('x'), complete(`${String(id(one))}`)] }),
      'QM_UPSTREAM_PROTOCOL',
    ],
    ['rubbish', () => ({ body: '{"jsonrpc":' }), 'QM_UPSTREAM_PROTOCOL'],
    ['a web page', () => ({ body: '<html>', headers: { 'content-type': 'text/html' } }), 'QM_UPSTREAM_PROTOCOL'],
    [
      'a result that is no object',
      (one) => ({ body: `{"jsonrpc":"2.0","id":${String(id(one))},"result":[1]}` }),
      'QM_UPSTREAM_PROTOCOL',
    ],
    ['nothing', () => ({ status: 202 }), 'QM_UPSTREAM_PROTOCOL'],
    [
      'a notification as body',
      () => ({ body: '{"jsonrpc":"2.0","method":"notifications/x"}' }),
      'QM_UPSTREAM_PROTOCOL',
    ],
    ['a stream without an answer', () => ({ events: [] }), 'QM_SERVER_GONE'],
    ['a cut connection', () => ({ cut: true }), 'QM_SERVER_GONE'],
    ['a redirect', () => ({ status: 302, headers: { location: 'http://127.0.0.1:1/' } }), 'QM_UPSTREAM_PROTOCOL'],
    ['401', () => ({ status: 401 }), 'QM_SERVER_FAILED'],
    ['429', () => ({ status: 429 }), 'QM_SERVER_FAILED'],
    ['503', () => ({ status: 503, body: 'busy' }), 'QM_SERVER_FAILED'],
    ['500', () => ({ status: 500, body: 'oops' }), 'QM_SERVER_STATUS'],
    ['422', () => ({ status: 422, body: 'no' }), 'QM_UPSTREAM_PROTOCOL'],
    [
      'a body it was not asked for',
      () => ({ body: 'zzz', headers: { 'content-encoding': 'br' } }),
      'QM_UPSTREAM_PROTOCOL',
    ],
  ])('%s becomes one error of the table', async (_name, reply, errorCode) => {
    const conversation = await connectTo(serving(reply));
    expect(await call(conversation)).toMatchObject({ kind: 'error', origin: 'hub', errorCode });
    expect(conversation.inFlight).toBe(0);
  });

  test('the first of two answers counts; a batch of them is read (2025-03-26)', async () => {
    const conversation = await connectTo(
      serving((one) => {
        const second = { ...complete(id(one)), result: { resultType: 'complete', second: true } };
        return one.message.params?.['name'] === 'batch'
          ? { events: [[progress(1, 1), complete(id(one))]] }
          : { events: [complete(id(one)), second] };
      }),
    );
    expect(resultOf(await call(conversation))).toMatchObject({ ok: true });
    expect(resultOf(await call(conversation, makeCall('tools/call', { name: 'batch' })))).toMatchObject({ ok: true });
  });

  test('checklist 45: an error of the server keeps code, message and data, whatever its status', async () => {
    for (const status of [200, 500]) {
      const conversation = await connectTo(
        serving(() => ({ status, error: { code: -32_055, message: 'näh', data: [1] } })),
      );
      expect(await call(conversation)).toMatchObject({ origin: 'server', code: -32_055, message: 'näh', data: '[1]' });
    }
  });

  test('a body past the limit is refused without being kept', async () => {
    const conversation = await connectTo(serving(() => ({ body: `"${'x'.repeat(httpLimits.responseBytes)}"` })));
    expect(await call(conversation)).toMatchObject({
      errorCode: 'QM_UPSTREAM_PROTOCOL',
      message: expect.stringContaining('larger than'),
    });
    const streamed = await connectTo(
      serving(() => ({ events: ['x'.repeat(httpLimits.responseBytes + 1)], open: true })),
    );
    expect(await call(streamed)).toMatchObject({
      errorCode: 'QM_UPSTREAM_PROTOCOL',
      message: expect.stringContaining('larger than'),
    });
  });

  test('checklist 25: time without progress, and time in all, are bounded', async () => {
    // Progress comes fifteen times as often as it must: a busy machine may lose some of it.
    const timeouts = { ...serverConfig().timeouts, callMs: 300, callMaxMs: 1_000 };
    const silent = await connectTo(
      serving(() => ({ hang: true })),
      { config: { timeouts } },
    );
    expect(await call(silent)).toMatchObject({ errorCode: 'QM_CALL_TIMEOUT' });
    const busy = await connectTo(
      serving((one) => {
        const token = (one.message.params?.['_meta'] as { progressToken?: unknown } | undefined)?.progressToken;
        const timer = setInterval(() => one.response.write(`data: ${JSON.stringify(progress(token, 1))}\n\n`), 20);
        one.response.on('close', () => clearInterval(timer));
        return { events: [], open: true };
      }),
      { config: { timeouts } },
    );
    const began = performance.now();
    const one = makeCall('tools/call', { name: 'a' }, { leg: { progressToken: '1' as RawJson } });
    expect(await call(busy, one)).toMatchObject({ errorCode: 'QM_CALL_TIMEOUT' });
    expect(performance.now() - began).toBeGreaterThan(900);
  });

  test('EF-84 a call that is given up at a certain time ends then, progress or not', async () => {
    const conversation = await connectTo(
      serving((one) => {
        const token = (one.message.params?.['_meta'] as { progressToken?: unknown } | undefined)?.progressToken;
        const timer = setInterval(() => one.response.write(`data: ${JSON.stringify(progress(token, 1))}\n\n`), 20);
        one.response.on('close', () => clearInterval(timer));
        return { events: [], open: true };
      }),
    );
    const until = performance.now() + 150;
    const one = makeCall('tools/call', { name: 'a' }, { leg: { progressToken: '1' as RawJson }, call: { until } });
    expect(await call(conversation, one)).toMatchObject({ errorCode: 'QM_CALL_TIMEOUT' });
    expect(performance.now()).toBeGreaterThanOrEqual(until - 1);
    expect(one.leg.told).toBe(true);
  });

  test('checklist 23: cancelling stops the work at the server; before it was sent it is never sent', async () => {
    const { conversation, server } = await open(serving(() => ({ hang: true })));
    const one = makeCall('tools/call', { name: 'a' });
    const answer = call(conversation, one);
    await eventually(() => methods(server).includes('tools/call'), 'the call arrives');
    one.leg.cancellation.cancel('client-gone');
    expect(await answer).toMatchObject({ errorCode: 'QM_CANCELLED' });
    if (era === 'modern') await eventually(() => server.open === 0, 'the stream is closed');
    else {
      await eventually(() => methods(server).includes('notifications/cancelled'), 'the notification arrives');
      expect(server.requests.at(-1)?.message.params).toMatchObject({ requestId: 1 });
    }
    const early = makeCall('tools/call', { name: 'b' });
    early.leg.cancellation.cancel('client-gone');
    expect(await call(conversation, early)).toMatchObject({ errorCode: 'QM_CANCELLED' });
    const late = makeCall('tools/call', { name: 'c' });
    const withdrawn = call(conversation, late);
    late.leg.cancellation.cancel('client-gone');
    expect(await withdrawn).toMatchObject({ errorCode: 'QM_CANCELLED' });
    expect(server.requests.some((sent) => sent.message.params?.['name'] === 'b')).toBe(false);
  });

  test('an answered stream that stays open is cut, and does not hold the call', async () => {
    const { conversation, server } = await open(serving((one) => ({ events: [complete(id(one))], open: true })));
    expect(resultOf(await call(conversation))).toMatchObject({ ok: true });
    await conversation.close('done');
    await eventually(() => server.open === 0, 'nothing stays open');
  });

  test('EF-31 a call that was never sent goes back once; one that was sent does not, unless it only reads', async () => {
    const sentAgain: LaneCall[] = [];
    const resend = (one: LaneCall): Promise<Outcome> | undefined => {
      if (sentAgain.includes(one)) return undefined;
      sentAgain.push(one);
      return Promise.resolve({ kind: 'ready', result: '{}' as RawJson });
    };
    let suspected = 0;
    const request = { resend, suspect: () => suspected++ };
    const { conversation, server } = await open(
      serving(() => ({ cut: true })),
      { request },
    );
    const ended: string[] = [];
    conversation.onClosed((end) => ended.push(end.reason));
    expect(await call(conversation)).toMatchObject({ errorCode: 'QM_SERVER_GONE' });
    expect(sentAgain).toHaveLength(0);
    const read = makeCall('resources/read', { uri: 'a:b' });
    expect(await call(conversation, read)).toMatchObject({ kind: 'ready' });
    expect(await call(conversation, read)).toMatchObject({ errorCode: 'QM_SERVER_GONE' });
    expect(suspected).toBe(3);
    await server.close();
    const one = makeCall('tools/call', { name: 'a' });
    expect(await call(conversation, one)).toMatchObject({ kind: 'ready' });
    expect(ended).toEqual(['Unreachable']);
    expect(await call(conversation, one)).toMatchObject({ errorCode: 'QM_SERVER_FAILED' });
    expect(await conversation.request('ping', '{}' as RawJson, 100)).toMatchObject({ errorCode: 'QM_SERVER_FAILED' });
  });

  test("the hub's own requests: a connection closed while idle is no failure, silence is", async () => {
    let cut = true;
    const conversation = await connectTo(
      serving((one) => {
        if (one.message.method === 'tools/list' && cut) {
          cut = false;
          return { cut: true };
        }
        return one.message.method === 'hang' ? { hang: true } : { result: { resultType: 'complete', tools: [] } };
      }),
    );
    expect(await conversation.request('tools/list', '{"cursor":"1"}' as RawJson, 1_000)).toMatchObject({
      kind: 'result',
    });
    expect(await conversation.request('hang', '{}' as RawJson, 30)).toMatchObject({ errorCode: 'QM_CALL_TIMEOUT' });
  });

  test('closing answers every call in flight and ends the session', async () => {
    const { conversation, server, pool } = await open(serving(() => ({ hang: true })));
    const answer = call(conversation);
    await eventually(() => methods(server).includes('tools/call'), 'the call arrives');
    await conversation.close('restarted');
    expect(await answer).toMatchObject({ errorCode: 'QM_SERVER_GONE', message: expect.stringContaining('restarted') });
    expect(methods(server).includes('DELETE')).toBe(era === 'legacy');
    expect(pool.stats()).toEqual([]);
  });
});
