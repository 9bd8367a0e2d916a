import { connect } from 'node:net';

import { describe, expect, test } from 'vitest';

import type { Leg, Outcome } from '../../exchange/index.ts';
import { memberString, rawOf } from '../../wire/index.ts';
import { FakeHub, limitedConfig, textResult } from '../fake-hub.ts';
import { bytesOf, gated, getStream, legacy, modern, startRig } from './test-http.ts';

const progress = (progressToken: unknown, value: number) =>
  rawOf({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken, progress: value } });

const events = { accept: 'text/event-stream' };

/** Milliseconds from the moment a client leaves to the end of its call. */
async function cancelledAfter(leg: Leg | undefined, leave: () => unknown): Promise<number> {
  const from = performance.now();
  leave();
  await expect.poll(() => leg?.cancellation.reason, { interval: 5 }).toBe('client-gone');
  return performance.now() - from;
}

/** Of five: another process may have had the core meanwhile. */
async function quickest(measure: () => Promise<number>): Promise<number> {
  const took: number[] = [];
  while (took.length < 5 && Math.min(...took) >= 100) took.push(await measure());
  return Math.min(...took);
}

function listenFor(id: unknown, ...names: string[]) {
  return modern('subscriptions/listen', { notifications: Object.fromEntries(names.map((name) => [name, true])) }, id);
}

describe('the answer to a POST', () => {
  test.each([
    ['alone', ['big']],
    ['behind a call that hangs', ['hang', 'big']],
  ])('security notes 17: an answer that nobody reads is cut after its time, %s', async (_, names) => {
    await using rig = await startRig();
    const hang = Promise.withResolvers<Outcome>();
    rig.hub.answer = async ({ params }) =>
      memberString(params, 'name') === 'hang' ? hang.promise : textResult('x'.repeat(24 * 1024 * 1024));
    const socket = connect(rig.listener.port, '127.0.0.1').pause();
    socket.on('error', () => {});
    for (const name of names) socket.write(bytesOf(rig.listener.port, modern('tools/call', { name })));
    await expect.poll(() => rig.hub.calls.length).toBe(names.length);
    await rig.edge.clock.advance(25_000);
    expect(rig.edge.counted.get('limitRejections readRate')).toBeUndefined();
    await rig.edge.clock.advance(40 * 60_000);
    expect(rig.edge.counted.get('limitRejections readRate')).toBe(1);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.resume();
    await closed;
    hang.resolve(textResult('late'));
  });

  test('checklist 22: progress ahead of the result makes it a stream, in order, in both eras', async () => {
    await using rig = await startRig();
    rig.hub.answer = async ({ leg }) => {
      leg.notify(progress('p', 1));
      leg.notify(progress('p', 2));
      return textResult('done');
    };
    const session = await rig.session();
    for (const sent of [modern('tools/call', { name: 'a' }, 'x'), legacy(session, 'tools/call', { name: 'a' }, 'x')]) {
      const stream = await rig.open(sent);
      await stream.ended;
      expect(stream.response.headers).toMatchObject({ 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' });
      const [one, two, result] = stream.messages();
      expect([one.params.progress, two.params.progress, result.id, stream.messages().length]).toEqual([1, 2, 'x', 3]);
    }
  });

  test('nothing follows the result', async () => {
    await using rig = await startRig();
    rig.hub.answer = async ({ leg }) => {
      setTimeout(() => leg.notify(progress('p', 9)), 1);
      return textResult('done');
    };
    const answer = await rig.send(modern('tools/call', { name: 'a' }));
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(answer.json.id).toBe(1);
  });

  test('a client that takes only JSON gets only the answer, one that takes only events gets an event', async () => {
    await using rig = await startRig();
    rig.hub.answer = async ({ leg }) => {
      leg.notify(progress('p', 1));
      return textResult('done');
    };
    const sent = modern('tools/call', { name: 'a' });
    const json = await rig.send({ ...sent, headers: { ...sent.headers, accept: 'application/json' } });
    expect([json.headers['content-type'], json.json.id]).toEqual(['application/json', 1]);
    rig.hub.answer = () => textResult('done');
    const stream = await rig.open({ ...sent, headers: { ...sent.headers, ...events } });
    expect((await stream.waitFor(1))[0].id).toBe(1);
    const discover = modern('nothing/like/this');
    rig.hub.answer = () => ({
      kind: 'error',
      origin: 'hub',
      code: -32601,
      message: 'x',
      data: undefined,
      httpStatus: 404,
    });
    expect((await rig.send({ ...discover, headers: { ...discover.headers, ...events } })).status).toBe(404);
  });

  test('checklist 59: a silent call shows signs of life after keepAliveMs, then its answer follows as an event', async () => {
    await using rig = await startRig(new FakeHub(limitedConfig({}, { keepAliveMs: 4000 })));
    const gate = gated(rig);
    const opening = rig.open(modern('tools/call', { name: 'a' }));
    await expect.poll(() => rig.hub.calls.length).toBe(1);
    await rig.edge.clock.advance(4000);
    const stream = await opening;
    await rig.edge.clock.advance(4000);
    await expect.poll(() => stream.text().split(': keep-alive').length).toBeGreaterThan(2);
    gate.release();
    await stream.ended;
    expect(stream.messages()).toMatchObject([{ id: 1, result: { resultType: 'complete' } }]);
  });

  test('checklist 23: a modern client that goes away cancels its call within 100 ms', async () => {
    await using rig = await startRig();
    gated(rig);
    const took = await quickest(async () => {
      const before = rig.hub.calls.length;
      const stream = rig.open(modern('tools/call', { name: 'a' }));
      stream.catch(() => {});
      await expect.poll(() => rig.hub.calls.length).toBe(before + 1);
      const leg = rig.hub.calls.at(-1)?.leg;
      leg?.notify(progress('p', 1));
      const { destroy } = await stream;
      return cancelledAfter(leg, destroy);
    });
    expect(took).toBeLessThan(100);
  });

  test('checklist 23: also when nothing has been sent yet', async () => {
    await using rig = await startRig();
    gated(rig);
    const { headers, body } = modern('tools/call', { name: 'a' });
    const text = JSON.stringify(body);
    const lines = Object.entries({ ...headers, host: `localhost:${rig.listener.port}`, 'content-length': text.length });
    const took = await quickest(async () => {
      const before = rig.hub.calls.length;
      const socket = connect(rig.listener.port, '127.0.0.1');
      socket.write(
        `POST /mcp HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${text}`,
      );
      await expect.poll(() => rig.hub.calls.length).toBe(before + 1);
      return cancelledAfter(rig.hub.calls.at(-1)?.leg, () => socket.destroy());
    });
    expect(took).toBeLessThan(100);
  });

  test('checklist 24: a legacy client that loses its connection does not', async () => {
    await using rig = await startRig();
    const gate = gated(rig);
    const opening = rig.open(legacy(await rig.session(), 'tools/call', { name: 'a' }));
    await expect.poll(() => rig.hub.calls.length).toBe(1);
    const leg = rig.hub.calls[0]?.leg;
    leg?.notify(progress('p', 1));
    const stream = await opening;
    await stream.waitFor(1);
    stream.destroy();
    await stream.ended;
    await new Promise((resolve) => setTimeout(resolve, 20));
    leg?.notify(progress('p', 2));
    expect(leg?.cancellation.cancelled).toBe(false);
    gate.release();
  });

  test('HT-5.12 a stream whose reader does not keep pace is cut, though less waits than may pile up', async () => {
    const limits = { streamBufferBytes: 64 * 1024 * 1024, readBytesPerSecond: 1024 * 1024 };
    await using rig = await startRig(
      new FakeHub(limitedConfig(limits, { slowReaderMs: 1_000, keepAliveMs: 3_600_000 })),
    );
    const hang = Promise.withResolvers<Outcome>();
    const message = rawOf({ jsonrpc: '2.0', method: 'x', params: { text: 'x'.repeat(16 * 1024 * 1024) } });
    rig.hub.answer = ({ leg }) => {
      leg.notify(message);
      leg.notify(progress('p', 1));
      return hang.promise;
    };
    const socket = connect(rig.listener.port, '127.0.0.1').pause();
    socket.on('error', () => {});
    socket.write(bytesOf(rig.listener.port, modern('tools/call', { name: 'a' })));
    await expect.poll(() => rig.hub.calls.length).toBe(1);
    // From the first look on: a second, and sixteen for what waits.
    await rig.edge.clock.advance(16_500);
    expect(rig.edge.counted.get('limitRejections readRate')).toBeUndefined();
    await rig.edge.clock.advance(2_500);
    expect(rig.edge.counted.get('limitRejections readRate')).toBe(1);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.resume();
    await closed;
    await expect.poll(() => rig.hub.calls[0]?.leg.cancellation.cancelled).toBe(true);
    hang.resolve(textResult('late'));
  });

  test('a reader that stops is cut at limits.streamBufferBytes, and its call cancelled', async () => {
    await using rig = await startRig(new FakeHub(limitedConfig({ streamBufferBytes: 100_000 })));
    gated(rig);
    const opening = rig.open(modern('tools/call', { name: 'a' }));
    await expect.poll(() => rig.hub.calls.length).toBe(1);
    const leg = rig.hub.calls[0]?.leg;
    const big = rawOf({ jsonrpc: '2.0', method: 'n', params: { x: 'y'.repeat(50_000) } });
    leg?.notify(big);
    const stream = await opening;
    stream.response.pause();
    for (let n = 0; n < 2000 && leg?.cancellation.cancelled === false; n++) {
      leg.notify(big);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(leg?.cancellation.reason).toBe('client-gone');
    expect(rig.edge.counted.get('limitRejections streamBufferBytes')).toBe(1);
  });
});

describe('GET streams of a legacy session', () => {
  test('checklist 4, 34: list changes come once, on exactly one of several streams, to every session', async () => {
    await using rig = await startRig();
    const [id, other] = [await rig.session(), await rig.session()];
    const streams = await Promise.all([rig.open(getStream(id)), rig.open(getStream(id)), rig.open(getStream(other))]);
    rig.hub.changeLists('resources', 'resourceTemplates', 'tools');
    await streams[2]?.waitFor(2);
    await expect.poll(() => streams.slice(0, 2).flatMap((stream) => stream.messages()).length).toBe(2);
    const methods = streams.map((stream) => stream.messages().map((message) => message.method));
    expect(methods.slice(0, 2).flat()).toEqual([
      'notifications/resources/list_changed',
      'notifications/tools/list_changed',
    ]);
    expect(methods[2]).toHaveLength(2);
  });

  test('the stream ends with its session; the other end of it frees its place', async () => {
    await using rig = await startRig(new FakeHub(limitedConfig({ streams: 1 })));
    const id = await rig.session();
    const stream = await rig.open(getStream(id));
    const refused = await rig.send(getStream(id));
    expect([refused.status, refused.headers['retry-after']]).toEqual([503, '1']);
    stream.destroy();
    await expect.poll(async () => (await rig.open(getStream(id))).response.statusCode).toBe(200);
    const last = rig.send({ method: 'DELETE', headers: { 'mcp-session-id': id } });
    expect((await last).status).toBe(204);
  });

  test('needs a session and a client that takes events', async () => {
    await using rig = await startRig();
    const id = await rig.session();
    expect((await rig.send({ method: 'GET', headers: events })).status).toBe(400);
    expect((await rig.send(getStream('x'))).status).toBe(404);
    expect((await rig.send({ method: 'GET', headers: { accept: 'text/html', 'mcp-session-id': id } })).status).toBe(
      406,
    );
    const bad = { ...events, 'mcp-session-id': id, 'mcp-protocol-version': 'x' };
    expect((await rig.send({ method: 'GET', headers: bad })).status).toBe(400);
  });

  test('silence is broken by comments', async () => {
    await using rig = await startRig(new FakeHub(limitedConfig({}, { keepAliveMs: 1000 })));
    const stream = await rig.open(getStream(await rig.session()));
    await rig.edge.clock.advance(1250);
    await expect.poll(() => stream.text()).toContain(': keep-alive');
  });
});

describe('subscriptions/listen', () => {
  test('checklist 33: ack first, the honoured subset, the id on everything, only what was asked', async () => {
    await using rig = await startRig();
    const stream = await rig.open(
      modern(
        'subscriptions/listen',
        { notifications: { toolsListChanged: true, promptsListChanged: false, resourceSubscriptions: ['a://b'] } },
        's1',
      ),
    );
    const [ack] = await stream.waitFor(1);
    const meta = { 'io.modelcontextprotocol/subscriptionId': 's1' };
    expect(ack).toEqual({
      jsonrpc: '2.0',
      method: 'notifications/subscriptions/acknowledged',
      params: { notifications: { toolsListChanged: true }, _meta: meta },
    });
    rig.hub.changeLists('prompts', 'resources');
    rig.hub.changeLists('tools');
    expect((await stream.waitFor(2))[1]).toEqual({
      jsonrpc: '2.0',
      method: 'notifications/tools/list_changed',
      params: { _meta: meta },
    });
  });

  test('several at once, each with its own filter; numeric ids stay numbers', async () => {
    await using rig = await startRig();
    const one = await rig.open(listenFor(1, 'toolsListChanged'));
    const two = await rig.open(listenFor(1, 'resourcesListChanged'));
    await Promise.all([one.waitFor(1), two.waitFor(1)]);
    rig.hub.changeLists('tools', 'resourceTemplates');
    expect((await one.waitFor(2))[1].params._meta).toEqual({ 'io.modelcontextprotocol/subscriptionId': 1 });
    expect((await two.waitFor(2))[1].method).toBe('notifications/resources/list_changed');
  });

  test('limits.streams: the limit opens, one more is refused, a closed one gives its place back', async () => {
    await using rig = await startRig(new FakeHub(limitedConfig({ streams: 1 })));
    const stream = await rig.open(listenFor(1, 'toolsListChanged'));
    await stream.waitFor(1);
    expect((await rig.send(listenFor(2, 'toolsListChanged'))).status).toBe(503);
    stream.destroy();
    await expect.poll(async () => (await rig.open(listenFor(3))).response.statusCode).toBe(200);
  });

  test('bad filters and clients without events', async () => {
    await using rig = await startRig();
    for (const params of [{}, { notifications: ['x'] }])
      expect((await rig.send(modern('subscriptions/listen', params))).json.error.code).toBe(-32602);
    const sent = listenFor(1, 'toolsListChanged');
    const refused = await rig.send({ ...sent, headers: { ...sent.headers, accept: 'application/json' } });
    expect(refused.status).toBe(406);
  });

  test('checklist 33: a graceful end is the result of the request', async () => {
    const rig = await startRig();
    const stream = await rig.open(listenFor('s', 'toolsListChanged'));
    await stream.waitFor(1);
    await rig.listener.close(0);
    await stream.ended;
    expect(stream.messages().at(-1)).toEqual({
      jsonrpc: '2.0',
      id: 's',
      result: {
        resultType: 'complete',
        _meta: {
          'io.modelcontextprotocol/subscriptionId': 's',
          'io.modelcontextprotocol/serverInfo': { name: 'quaymaster', version: '0.0.0' },
        },
      },
    });
  });
});
