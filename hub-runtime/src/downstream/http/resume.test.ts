/** Streams of a legacy session over connections that break (2025-11-25 transports, resumability and redelivery). */
import { describe, expect, test } from 'vitest';

import type { Leg, Outcome } from '../../exchange/index.ts';
import { notificationRaw, type RawJson } from '../../wire/index.ts';
import { textResult } from '../fake-hub.ts';
import {
  getStream,
  initialize,
  jsonHeaders,
  legacy,
  modern,
  notification,
  type OpenStream,
  type Rig,
  startRig,
} from './test-http.ts';

const step = (n: number): RawJson => notificationRaw('notifications/progress', `{"progress":${n}}` as RawJson);
const ids = (stream: OpenStream): string[] =>
  [...stream.text().matchAll(/^id: (\S+)$/gm)].map((match) => match[1] ?? '');
const seen = (stream: OpenStream): unknown[] =>
  stream.messages().map((message) => message.params?.progress ?? message.result?.content[0].text ?? message.method);

/** A call that goes on as the test says. */
function talking(rig: Rig): { legs: Leg[]; done(): void } {
  const gate = Promise.withResolvers<Outcome>();
  const legs: Leg[] = [];
  rig.hub.answer = async ({ leg }) => {
    legs.push(leg);
    leg.notify(step(1));
    return gate.promise;
  };
  return { legs, done: () => gate.resolve(textResult('done')) };
}

const resume = (session: string, last: string) => {
  const sent = getStream(session);
  return { ...sent, headers: { ...sent.headers, 'last-event-id': last } };
};

describe('checklist 5: the answer to a POST', () => {
  test('goes on where its connection broke, on a GET with the last event id, and is delivered there', async () => {
    await using rig = await startRig();
    const session = await rig.session();
    const call = talking(rig);
    const first = await rig.open(legacy(session, 'tools/call', { name: 'a' }, 'mine'));
    await first.waitFor(1);
    call.legs[0]?.notify(step(2));
    await first.waitFor(2);
    first.destroy();
    await first.ended;
    await expect.poll(() => call.legs[0]?.cancellation.cancelled).toBe(false);
    await new Promise((resolve) => setTimeout(resolve, 20));
    call.legs[0]?.notify(step(3));
    const second = await rig.open(resume(session, ids(first)[1] ?? ''));
    await second.waitFor(2);
    expect(seen(second)).toEqual([2, 3]);
    call.done();
    await second.ended;
    expect(seen(second)).toEqual([2, 3, 'done']);
    expect(second.messages().at(-1)).toMatchObject({ id: 'mine' });
    expect(new Set([...ids(first), ...ids(second)]).size).toBe(5);
  });

  test('is there for a client that comes back after the end, and again', async () => {
    await using rig = await startRig();
    const session = await rig.session();
    const call = talking(rig);
    const first = await rig.open(legacy(session, 'tools/call', { name: 'a' }));
    await first.waitFor(1);
    first.destroy();
    await first.ended;
    await new Promise((resolve) => setTimeout(resolve, 20));
    call.done();
    for (let again = 0; again < 2; again++) {
      const stream = await rig.open(resume(session, ids(first).at(-1) ?? ''));
      await stream.ended;
      expect(seen(stream)).toEqual(['done']);
    }
    expect(rig.hub.calls).toHaveLength(1);
  });

  test('of another session, or forgotten: refused, never somebody else\u2019s', async () => {
    await using rig = await startRig();
    const [mine, other] = [await rig.session(), await rig.session()];
    const call = talking(rig);
    const stream = await rig.open(legacy(mine, 'tools/call', { name: 'a' }));
    await stream.waitFor(1);
    expect((await rig.send(resume(other, ids(stream).at(-1) ?? ''))).status).toBe(400);
    expect((await rig.send(resume(mine, 'p99-1'))).status).toBe(400);
    call.done();
  });

  test('a cancelled one gets no answer, resumed or not', async () => {
    await using rig = await startRig();
    const session = await rig.session();
    const call = talking(rig);
    const first = await rig.open(legacy(session, 'tools/call', { name: 'a' }, 7));
    await first.waitFor(1);
    first.destroy();
    await first.ended;
    const second = await rig.open(resume(session, ids(first).at(-1) ?? ''));
    await rig.send(notification(session, 'notifications/cancelled', { requestId: 7 }));
    call.done();
    await second.ended;
    expect(seen(second)).toEqual([]);
  });

  test('a modern one has no ids and is cancelled by its connection', async () => {
    await using rig = await startRig();
    const call = talking(rig);
    const stream = await rig.open(modern('tools/call', { name: 'a' }));
    await stream.waitFor(1);
    expect(ids(stream)).toEqual([]);
    stream.destroy();
    await expect.poll(() => call.legs[0]?.cancellation.reason).toBe('client-gone');
  });

  test('2025-11-25: an id goes ahead of the first event; older clients get none without data', async () => {
    await using rig = await startRig();
    for (const [protocolVersion, primed] of [
      ['2025-11-25', true],
      ['2025-06-18', false],
      ['2024-11-05', false],
    ] as const) {
      const params = { protocolVersion, capabilities: {}, clientInfo: { name: 't', version: '1' } };
      const opened = await rig.send({ headers: jsonHeaders, body: { ...(initialize.body as object), params } });
      const session = String(opened.headers['mcp-session-id']);
      const call = talking(rig);
      const stream = await rig.open(legacy(session, 'tools/call', { name: 'a' }));
      await stream.waitFor(1);
      expect(/^id: p1\.[0-9a-f]{8}-0\ndata: \n\n/.test(stream.text()), protocolVersion).toBe(primed);
      const own = await rig.open(getStream(session));
      if (primed) await expect.poll(() => own.text()).toMatch(/^id: g2\.[0-9a-f]{8}-0\ndata: \n\n/);
      else expect(own.text()).toBe('');
      call.done();
      await stream.ended;
    }
  });
});

describe('checklist 5: the stream of the session', () => {
  test('what was said while nobody listened comes with the last event id', async () => {
    await using rig = await startRig();
    const session = await rig.session();
    const first = await rig.open(getStream(session));
    rig.hub.changeLists('tools');
    await first.waitFor(1);
    first.destroy();
    await first.ended;
    await new Promise((resolve) => setTimeout(resolve, 20));
    rig.hub.changeLists('prompts');
    const second = await rig.open(resume(session, ids(first).at(-1) ?? ''));
    await second.waitFor(1);
    rig.hub.changeLists('resources');
    await second.waitFor(2);
    expect(seen(second)).toEqual(['notifications/prompts/list_changed', 'notifications/resources/list_changed']);
  });

  test('of a stream nobody knows any more: a new one, which begins with what may have been missed', async () => {
    await using rig = await startRig();
    const session = await rig.session();
    const stream = await rig.open(resume(session, 'g77-3'));
    await stream.waitFor(3);
    expect(stream.response.statusCode).toBe(200);
  });

  test('without the id: a new stream, nothing is told twice', async () => {
    await using rig = await startRig();
    const session = await rig.session();
    const first = await rig.open(getStream(session));
    rig.hub.changeLists('tools');
    await first.waitFor(1);
    first.destroy();
    await first.ended;
    const second = await rig.open(getStream(session));
    rig.hub.changeLists('prompts');
    await second.waitFor(1);
    expect(seen(second)).toEqual(['notifications/prompts/list_changed']);
  });
});
