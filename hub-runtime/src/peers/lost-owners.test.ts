/** Sessions whose replica is gone or about to go: they go on at one other, with what their clients can do. */
import { describe, expect, test } from 'vitest';

import { resultOf } from '../fixtures/index.ts';
import { call, initialize, notify, open, send, startTestReplica, type TestReplica } from './testing/replica-rig.ts';
import { meet, total, until, useReplicas } from './testing/use-replicas.ts';

const replicas = useReplicas();
const adoptions = 'sessionsAdopted default/desk';

describe('a session whose owner is gone', () => {
  test('EF-30 goes on at one other replica under the same id, with what its client can do', async () => {
    const all = await replicas.start(3);
    const [owner, second, third] = all as [TestReplica, TestReplica, TestReplica];
    const session = await initialize(owner, { sampling: {}, é: 'ü' });
    await send(owner, {
      session,
      body: { jsonrpc: '2.0', id: 2, method: 'logging/setLevel', params: { level: 'error' } },
    });
    await owner.peers.told();
    await owner.kill();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => send(n % 2 === 0 ? second : third, call(session, n))),
    );
    expect(answers.map(({ status, json }) => [status, json.id])).toEqual(answers.map((_one, n) => [200, n]));
    expect(total([second, third], adoptions)).toBe(1);
    const adopter = second.upstream.calls.length > 0 ? second : third;
    const [seen] = adopter.upstream.calls;
    expect(seen?.exchange.caller.capabilities).toBe('{"sampling":{},"Ã©":"Ã¼"}');
    expect(seen?.exchange.caller.clientInfo).toBe('{"name":"t","version":"1"}');
    expect(second.upstream.calls.length * third.upstream.calls.length).toBe(0);
    expect(seen?.exchange.leg.logLevel).toBe('error');
  });

  test('EF-30 without a copy it goes on when nothing was agreed on, and ends with 404 when something was', async () => {
    const all = await replicas.start(2);
    const [owner, other] = all as [TestReplica, TestReplica];
    owner.peers.update([]);
    const [plain, rich] = [await initialize(owner), await initialize(owner, { roots: {} })];
    await owner.kill();
    expect((await send(other, call(plain))).status).toBe(200);
    const lost = await send(other, call(rich));
    expect([lost.status, lost.json.error.message]).toEqual([404, expect.stringContaining('lost')]);
    expect((await send(other, { method: 'GET', session: rich })).status).toBe(404);
  });

  test('EF-30 its stream is opened anew elsewhere and begins with what may have been missed', async () => {
    const [owner, second, third] = (await replicas.start(3)) as [TestReplica, TestReplica, TestReplica];
    const session = await initialize(owner);
    const before = await open(second, { method: 'GET', session });
    const ended = new Promise((resolve) => before.once('close', resolve));
    before.on('error', () => {}).resume();
    await owner.kill();
    await ended;
    const after = await open(third, { method: 'GET', session });
    let text = '';
    after.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    await until(() => ['tools', 'prompts', 'resources'].every((list) => text.includes(`${list}/list_changed`)));
    after.destroy();
  });

  test('EF-30 a call in flight at a killed owner is answered with its loss, and not done again', async () => {
    const [owner, other] = (await replicas.start(2)) as [TestReplica, TestReplica];
    const session = await initialize(owner);
    owner.upstream.answer = () => new Promise(() => {});
    const waiting = send(other, call(session, 'lost'));
    await until(() => owner.upstream.calls.length === 1);
    await owner.kill();
    const answer = await waiting;
    expect([answer.status, answer.json.id, answer.json.error.data]).toEqual([
      200,
      'lost',
      expect.objectContaining({ code: 'QM_REPLICA_LOST', retry: 'unsafe' }),
    ]);
    expect(other.upstream.calls).toEqual([]);
    expect((await send(other, call(session))).status).toBe(200);
  });

  test('EF-30 60 sessions at once find one place each', async () => {
    const all = await replicas.start(3);
    const [owner, second, third] = all as [TestReplica, TestReplica, TestReplica];
    const sessions = await Promise.all(Array.from({ length: 60 }, () => initialize(owner, { roots: {} })));
    await owner.peers.told();
    await owner.kill();
    const answers = await Promise.all(
      sessions.flatMap((session, n) => [send(second, call(session, n)), send(third, call(session, `${n}`))]),
    );
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    expect(total(all, adoptions)).toBe(60);
    const spread = [second, third].map(({ counted }) => counted.get(adoptions) ?? 0);
    expect(Math.min(...spread)).toBeGreaterThan(10);
    meet([second, third]);
    const later = await Promise.all(sessions.map((session, n) => send(n % 2 === 0 ? second : third, call(session, n))));
    expect(later.filter(({ status }) => status !== 200)).toEqual([]);
    expect(total(all, adoptions)).toBe(60);
  });

  test('one that took a session over is found by replicas that come later', async () => {
    const [owner, second] = (await replicas.start(2)) as [TestReplica, TestReplica];
    const sessions = await Promise.all(Array.from({ length: 10 }, () => initialize(owner, { roots: {} })));
    await owner.peers.told();
    await owner.kill();
    for (const session of sessions) await send(second, call(session));
    const late = await startTestReplica('uid-late');
    replicas.running.push(late);
    meet([second, late]);
    for (const session of sessions) expect((await send(late, call(session))).status).toBe(200);
    expect([late.upstream.calls.length, total([late], adoptions)]).toEqual([0, 0]);
  });

  test('the same Pod with a new process takes its sessions up again, from the copy elsewhere', async () => {
    const [owner, other] = (await replicas.start(2)) as [TestReplica, TestReplica];
    const session = await initialize(owner, { roots: {} });
    await owner.peers.told();
    await owner.kill();
    const again = await startTestReplica(owner.uid);
    replicas.running.push(again);
    meet([again, other]);
    expect((await send(other, call(session))).status).toBe(200);
    expect([again.upstream.calls.length, other.upstream.calls.length]).toEqual([1, 0]);
  });

  test('a replica that sees an owner no more takes nothing from one that others see', async () => {
    const [owner, second, third] = (await replicas.start(3)) as [TestReplica, TestReplica, TestReplica];
    const session = await initialize(owner);
    // A door that is shut: refused from here, while the others still reach it.
    const shut = { ...owner.address, port: 1 };
    second.peers.update([shut, second.address, third.address]);
    const statuses = new Set<number>();
    for (let n = 0; n < 3; n++) statuses.add((await send(second, call(session, n))).status);
    expect([...statuses].filter((status) => status !== 200 && status !== 503)).toEqual([]);
    expect(total([second, third], adoptions)).toBeLessThanOrEqual(1);
    expect(third.upstream.calls).toEqual([]);
    expect((await send(third, call(session))).status).toBe(200);
  });
});

describe('a replica that leaves', () => {
  test('EF-30 HT-0.09 hands each session on when its client comes elsewhere; what is under way there ends there', async () => {
    const all = await replicas.start(3);
    const [owner, second, third] = all as [TestReplica, TestReplica, TestReplica];
    const session = await initialize(owner, { roots: {} });
    const gate = Promise.withResolvers<void>();
    owner.upstream.answer = async (_one, upstream) => {
      await gate.promise;
      return resultOf('{"content":[{"type":"text","text":"from the old"}]}', upstream);
    };
    const underWay = send(second, call(session, 'old'));
    await until(() => owner.upstream.inFlight === 1);
    await owner.peers.leave();
    const [a, b] = await Promise.all([send(second, call(session, 'a')), send(third, call(session, 'b'))]);
    expect([a.status, b.status]).toEqual([200, 200]);
    expect(owner.upstream.calls).toHaveLength(1);
    expect((await send(owner, call(session, 'c'))).status).toBe(200);
    expect(owner.upstream.calls).toHaveLength(1);
    gate.resolve();
    expect((await underWay).text).toContain('from the old');
    expect(total(all, adoptions)).toBe(1);
  });

  test('a cancellation reaches a call that still runs where its session came from', async () => {
    const [owner, other] = (await replicas.start(2)) as [TestReplica, TestReplica];
    const session = await initialize(owner, { roots: {} });
    const cancelled = Promise.withResolvers<void>();
    owner.upstream.answer = async (one, upstream) => {
      one.exchange.leg.cancellation.onCancel(() => cancelled.resolve());
      await cancelled.promise;
      return resultOf('{"content":[]}', upstream);
    };
    const underWay = send(other, call(session, 9));
    await until(() => owner.upstream.inFlight === 1);
    await owner.peers.leave();
    expect((await send(other, call(session, 10))).status).toBe(200);
    expect((await send(other, notify(session, 'notifications/cancelled', { requestId: 9 }))).status).toBe(202);
    await underWay;
  });

  test('what nobody came for is taken up from the copy after its end', async () => {
    const [owner, second] = (await replicas.start(2)) as [TestReplica, TestReplica];
    const session = await initialize(owner, { roots: {} });
    await owner.peers.leave();
    await owner.peers.told();
    await owner.kill();
    expect((await send(second, call(session))).status).toBe(200);
  });
});
