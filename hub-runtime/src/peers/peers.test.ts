/** Replicas of one hub, with real sockets between them: whatever replica a client comes to, its session goes on. */
import { describe, expect, test } from 'vitest';

import { hubError } from '../exchange/index.ts';
import { resultOf } from '../fixtures/index.ts';
import type { RawJson } from '../wire/index.ts';
import { call, initialize, notify, open, send, type TestReplica } from './testing/replica-rig.ts';
import { meet, total, until, useReplicas } from './testing/use-replicas.ts';

const replicas = useReplicas();
const forwards = 'peerForwards default/desk';
const adoptions = 'sessionsAdopted default/desk';

describe('a session whose owner is there', () => {
  test('EF-30 is served by its owner whichever replica is asked, with one hop', async () => {
    const all = await replicas.start(3);
    const [owner] = all as [TestReplica];
    const session = await initialize(owner);
    for (const one of all) expect((await send(one, call(session, 7))).json).toMatchObject({ id: 7, result: {} });
    expect(all.map(({ upstream }) => upstream.calls.length)).toEqual([3, 0, 0]);
    expect(all.map(({ counted }) => counted.get(forwards))).toEqual([undefined, 1, 1]);
    expect(total(all, adoptions)).toBe(0);
  });

  test('EF-30 an answer through another replica is the answer of the owner, byte for byte', async () => {
    const [owner, other] = (await replicas.start(2)) as [TestReplica, TestReplica];
    const session = await initialize(owner);
    const straight = await send(owner, call(session, 'x'));
    const round = await send(other, call(session, 'x'));
    const { date: _one, ...straightHead } = straight.headers;
    const { date: _other, ...roundHead } = round.headers;
    expect([round.status, round.text, roundHead]).toEqual([200, straight.text, straightHead]);
    for (const bad of [
      { session, body: { jsonrpc: '2.0', id: 1, method: 'nonsense' } },
      { session, body: { jsonrpc: '2.0', method: 'notifications/initialized' } },
      { session, body: { jsonrpc: '2.0', id: 1, method: 'ping' } },
    ]) {
      const [a, b] = [await send(owner, bad), await send(other, bad)];
      expect([b.status, b.text]).toEqual([a.status, a.text]);
    }
  });

  test('EF-30 a list change reaches a stream that is open at another replica', async () => {
    const [owner, other] = (await replicas.start(2)) as [TestReplica, TestReplica];
    const session = await initialize(owner);
    await send(owner, { session, body: { jsonrpc: '2.0', id: 1, method: 'tools/list' } });
    const stream = await open(other, { method: 'GET', session });
    expect([stream.statusCode, stream.headers['content-type']]).toEqual([200, 'text/event-stream']);
    let text = '';
    stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    const { listing, tool } = await import('../fixtures/index.ts');
    owner.upstream.list(listing({ era: 'legacy', tools: [tool('read'), tool('write')] }));
    await until(() => text.includes('notifications/tools/list_changed'));
    stream.destroy();
  });

  test('EF-30 progress and cancellation pass between replicas, each on another one', async () => {
    const [owner, second, third] = (await replicas.start(3)) as [TestReplica, TestReplica, TestReplica];
    const session = await initialize(owner);
    const gate = Promise.withResolvers<void>();
    owner.upstream.answer = async (one, upstream) => {
      one.exchange.leg.notify(
        `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"t","progress":1}}` as RawJson,
      );
      one.exchange.leg.cancellation.onCancel(() => gate.resolve());
      await gate.promise;
      return resultOf('{"content":[]}', upstream);
    };
    const stream = await open(second, call(session, 5));
    let text = '';
    stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    await until(() => text.includes('"progress":1'));
    const ended = new Promise((resolve) => stream.once('end', resolve));
    expect((await send(third, notify(session, 'notifications/cancelled', { requestId: 5 }))).status).toBe(202);
    await ended;
    expect(text).not.toContain('"id":5');
  });

  test('EF-30 DELETE anywhere ends it everywhere, for good', async () => {
    const all = await replicas.start(3);
    const [owner, second, third] = all as [TestReplica, TestReplica, TestReplica];
    const session = await initialize(owner);
    expect((await send(second, { method: 'DELETE', session })).status).toBe(204);
    await owner.peers.told();
    for (const one of all) expect((await send(one, call(session))).status).toBe(404);
    await owner.kill();
    meet([second, third]);
    for (const one of [second, third]) expect((await send(one, call(session))).status).toBe(404);
    expect(total(all, adoptions)).toBe(0);
  });

  test('EF-29 an id of somebody else or of nobody is 404 at every replica, and bothers no other', async () => {
    const all = await replicas.start(2);
    const [owner, other] = all as [TestReplica, TestReplica];
    const session = await initialize(owner);
    const broken = `${session.slice(0, -2)}AA`;
    for (const one of all) expect((await send(one, call(broken))).status).toBe(404);
    expect(total(all, forwards)).toBe(0);
    expect((await send(other, call(session))).status).toBe(200);
  });

  test('a client that goes away while it waits at another replica cancels nothing, and leaves nothing behind', async () => {
    const [owner, other] = (await replicas.start(2)) as [TestReplica, TestReplica];
    const session = await initialize(owner);
    const gate = Promise.withResolvers<void>();
    owner.upstream.answer = async (_one, upstream) => {
      await gate.promise;
      return resultOf('{"content":[]}', upstream);
    };
    const waiting = open(other, call(session, 1)).catch(() => undefined);
    await until(() => owner.upstream.inFlight === 1);
    const stream = await open(other, { method: 'GET', session });
    await until(() => total([other], forwards) === 2);
    stream.destroy();
    gate.resolve();
    (await waiting)?.resume();
    await until(() => owner.upstream.inFlight === 0);
    await until(() => owner.door !== undefined);
  });

  test('an answer that its client reads slowly is paused, not piled up', async () => {
    const [owner, other] = (await replicas.start(2)) as [TestReplica, TestReplica];
    const session = await initialize(owner);
    const big = 'x'.repeat(3 * 1024 * 1024);
    owner.upstream.answer = (_one, upstream) => resultOf(`{"content":[{"type":"text","text":"${big}"}]}`, upstream);
    const stream = await open(other, call(session, 1));
    await new Promise((resolve) => setTimeout(resolve, 100));
    let size = 0;
    for await (const chunk of stream) size += (chunk as Buffer).length;
    expect(size).toBeGreaterThan(big.length);
  });
});

test('a full replica says so instead of taking a session over', async () => {
  const [owner, other] = (await replicas.start(2, { sessions: 1 })) as [TestReplica, TestReplica];
  const session = await initialize(owner);
  await initialize(other);
  await owner.kill();
  expect((await send(other, call(session))).json.error.data.code).toBe('QM_OVERLOADED');
});

test('streams through another replica count there as well', async () => {
  const [owner, other] = (await replicas.start(2, { streams: 1 })) as [TestReplica, TestReplica];
  const [one, two] = [await initialize(owner), await initialize(other)];
  const stream = await open(other, { method: 'GET', session: one });
  expect((await send(other, { method: 'GET', session: two })).json.error.data.code).toBe('QM_OVERLOADED');
  stream.destroy();
  await until(async () => {
    const again = await open(other, { method: 'GET', session: two });
    again.destroy();
    return again.statusCode === 200;
  });
});

test('EF-30 keys change while sessions are used across replicas', async () => {
  const all = await replicas.start(2);
  const [owner, other] = all as [TestReplica, TestReplica];
  const session = await initialize(owner);
  const { sharedKey } = await import('./testing/replica-rig.ts');
  const fresh = Buffer.alloc(32, 9);
  owner.sealer.replaceKeys([fresh, sharedKey]);
  expect((await send(other, call(session))).status).toBe(200);
  other.sealer.replaceKeys([fresh, sharedKey]);
  const young = await initialize(owner);
  for (const id of [session, young]) for (const one of all) expect((await send(one, call(id))).status).toBe(200);
  for (const one of all) one.sealer.replaceKeys([fresh]);
  // The old id opens nowhere else any more; its owner still holds it.
  expect([(await send(owner, call(session))).status, (await send(other, call(session))).status]).toEqual([200, 404]);
  expect((await send(other, call(young))).status).toBe(200);
  expect(hubError('QM_REPLICA_LOST').httpStatus).toBe(200);
});
