/** Replicas of one hub, with real sockets between them: whatever replica a client comes to, its session goes on. */
import { afterEach, describe, expect, test } from 'vitest';

import { createTestClock, type TestClock } from '../base/index.ts';
import type { RawJson } from '../wire/index.ts';
import { hubError } from '../exchange/index.ts';
import { resultOf } from '../fixtures/index.ts';
import { call, initialize, notify, open, send, startTestReplica, type TestReplica } from './testing/replica-rig.ts';

const running: TestReplica[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.kill()));
});

type Options = Parameters<typeof startTestReplica>[1];

async function replicas(count: number, options: Options = {}): Promise<TestReplica[]> {
  const started = await Promise.all(Array.from({ length: count }, (_, n) => startTestReplica(`uid-${n}`, options)));
  running.push(...started);
  meet(started);
  return started;
}

function meet(all: readonly TestReplica[]): void {
  for (const one of all) one.peers.update(all.map(({ address }) => address));
}

async function until(what: () => boolean): Promise<void> {
  const end = performance.now() + 3_000;
  while (!what()) {
    if (performance.now() > end) throw new Error(`not in time: ${what.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const total = (all: readonly TestReplica[], name: string): number =>
  all.reduce((sum, { counted }) => sum + (counted.get(name) ?? 0), 0);
const forwards = 'peerForwards default/desk';
const adoptions = 'sessionsAdopted default/desk';

describe('a session whose owner is there', () => {
  test('EF-30 is served by its owner whichever replica is asked, with one hop', async () => {
    const all = await replicas(3);
    const [owner] = all as [TestReplica];
    const session = await initialize(owner);
    for (const one of all) expect((await send(one, call(session, 7))).json).toMatchObject({ id: 7, result: {} });
    expect(all.map(({ upstream }) => upstream.calls.length)).toEqual([3, 0, 0]);
    expect(all.map(({ counted }) => counted.get(forwards))).toEqual([undefined, 1, 1]);
    expect(total(all, adoptions)).toBe(0);
  });

  test('EF-30 an answer through another replica is the answer of the owner, byte for byte', async () => {
    const [owner, other] = (await replicas(2)) as [TestReplica, TestReplica];
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
    const [owner, other] = (await replicas(2)) as [TestReplica, TestReplica];
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
    const [owner, second, third] = (await replicas(3)) as [TestReplica, TestReplica, TestReplica];
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
    const all = await replicas(3);
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
    const all = await replicas(2);
    const [owner, other] = all as [TestReplica, TestReplica];
    const session = await initialize(owner);
    const broken = `${session.slice(0, -2)}AA`;
    for (const one of all) expect((await send(one, call(broken))).status).toBe(404);
    expect(total(all, forwards)).toBe(0);
    expect((await send(other, call(session))).status).toBe(200);
  });

  test('a client that goes away while it waits at another replica cancels nothing, and leaves nothing behind', async () => {
    const [owner, other] = (await replicas(2)) as [TestReplica, TestReplica];
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
    const [owner, other] = (await replicas(2)) as [TestReplica, TestReplica];
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

describe('a session whose owner is gone', () => {
  test('EF-30 goes on at one other replica under the same id, with what its client can do', async () => {
    const all = await replicas(3);
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
    const all = await replicas(2);
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
    const [owner, second, third] = (await replicas(3)) as [TestReplica, TestReplica, TestReplica];
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
    const [owner, other] = (await replicas(2)) as [TestReplica, TestReplica];
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
    const all = await replicas(3);
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
    const [owner, second] = (await replicas(2)) as [TestReplica, TestReplica];
    const sessions = await Promise.all(Array.from({ length: 10 }, () => initialize(owner, { roots: {} })));
    await owner.peers.told();
    await owner.kill();
    for (const session of sessions) await send(second, call(session));
    const late = await startTestReplica('uid-late');
    running.push(late);
    meet([second, late]);
    for (const session of sessions) expect((await send(late, call(session))).status).toBe(200);
    expect([late.upstream.calls.length, total([late], adoptions)]).toEqual([0, 0]);
  });

  test('the same Pod with a new process takes its sessions up again, from the copy elsewhere', async () => {
    const [owner, other] = (await replicas(2)) as [TestReplica, TestReplica];
    const session = await initialize(owner, { roots: {} });
    await owner.peers.told();
    await owner.kill();
    const again = await startTestReplica(owner.uid);
    running.push(again);
    meet([again, other]);
    expect((await send(other, call(session))).status).toBe(200);
    expect([again.upstream.calls.length, other.upstream.calls.length]).toEqual([1, 0]);
  });

  test('a replica that sees an owner no more takes nothing from one that others see', async () => {
    const [owner, second, third] = (await replicas(3)) as [TestReplica, TestReplica, TestReplica];
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
    const all = await replicas(3);
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
    const [owner, other] = (await replicas(2)) as [TestReplica, TestReplica];
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
    const [owner, second] = (await replicas(2)) as [TestReplica, TestReplica];
    const session = await initialize(owner, { roots: {} });
    await owner.peers.leave();
    await owner.peers.told();
    await owner.kill();
    expect((await send(second, call(session))).status).toBe(200);
  });
});

describe('the first seconds', () => {
  async function young(): Promise<{ clock: TestClock; owner: TestReplica; other: TestReplica; session: string }> {
    const clock = createTestClock();
    const owner = await startTestReplica('uid-owner', { clock });
    const other = await startTestReplica('uid-young', { clock });
    running.push(owner, other);
    return { clock, owner, other, session: await initialize(owner) };
  }

  test('EF-30 a request waits for the first word about the others, then goes to its owner', async () => {
    const { clock, owner, other, session } = await young();
    const early = send(other, call(session));
    await new Promise((resolve) => setTimeout(resolve, 50));
    await clock.advance(4_000);
    meet([owner, other]);
    expect((await early).status).toBe(200);
    expect([owner, other].map(({ upstream }) => upstream.calls.length)).toEqual([1, 0]);
  });

  test('without a word a replica goes on alone', async () => {
    const { clock, other, session } = await young();
    const early = send(other, call(session));
    await new Promise((resolve) => setTimeout(resolve, 50));
    await clock.advance(5_000);
    expect((await early).status).toBe(200);
    expect((await send(other, call(session))).status).toBe(200);
  });
});

describe('without an operator', () => {
  async function neighbours(): Promise<TestReplica[]> {
    const probe = await startTestReplica('uid-probe', { ip: '127.0.0.2' });
    const peerPort = probe.door.port;
    await probe.kill();
    const all = await Promise.all([2, 3, 4].map((n) => startTestReplica(`uid-${n}`, { ip: `127.0.0.${n}`, peerPort })));
    running.push(...all);
    return all;
  }

  test('EF-30 replicas that know addresses only ask who is there, and sessions go on between them', async () => {
    const [one, two, three] = (await neighbours()) as [TestReplica, TestReplica, TestReplica];
    const session = await initialize(one, { roots: {} });
    await Promise.all([one, two, three].map(({ peers }) => peers.find(['127.0.0.2', '127.0.0.3', '127.0.0.9'])));
    expect((await send(two, call(session))).status).toBe(200);
    expect((await send(three, call(session))).status).toBe(200);
    expect([one, two, three].map(({ upstream }) => upstream.calls.length)).toEqual([2, 0, 0]);
    await one.peers.told();
    await one.kill();
    expect((await send(two, call(session))).status).toBe(200);
  });

  test('EF-30 what the operator said counts until somebody is dead, and more than what was found meanwhile', async () => {
    const [one, two, three] = (await neighbours()) as [TestReplica, TestReplica, TestReplica];
    meet([one, two, three]);
    const session = await initialize(one);
    await two.peers.find([]);
    expect((await send(two, call(session))).status).toBe(200);
    expect(one.upstream.calls).toHaveLength(1);
    const finding = two.peers.find(['127.0.0.2']);
    two.peers.update([three.address]);
    await finding;
    await send(two, call(session));
    expect(one.upstream.calls).toHaveLength(1);
  });

  test('whoever does not have the key learns nothing', async () => {
    const [one] = (await neighbours()) as [TestReplica];
    const stranger = await startTestReplica('uid-stranger', {
      key: Buffer.alloc(32, 7),
      ip: '127.0.0.5',
      peerPort: one.door.port,
    });
    running.push(stranger);
    await stranger.peers.find(['127.0.0.2']);
    // Once or twice: a refused greeting may be tried again on another connection.
    expect(one.counted.get('peerRefusals tls')).toBeGreaterThanOrEqual(1);
  });
});

test('a full replica says so instead of taking a session over', async () => {
  const [owner, other] = (await replicas(2, { sessions: 1 })) as [TestReplica, TestReplica];
  const session = await initialize(owner);
  await initialize(other);
  await owner.kill();
  expect((await send(other, call(session))).json.error.data.code).toBe('QM_OVERLOADED');
});

test('streams through another replica count there as well', async () => {
  const [owner, other] = (await replicas(2, { streams: 1 })) as [TestReplica, TestReplica];
  const [one, two] = [await initialize(owner), await initialize(other)];
  const stream = await open(other, { method: 'GET', session: one });
  expect((await send(other, { method: 'GET', session: two })).json.error.data.code).toBe('QM_OVERLOADED');
  stream.destroy();
  await new Promise((resolve) => setTimeout(resolve, 50));
  const again = await open(other, { method: 'GET', session: two });
  expect(again.statusCode).toBe(200);
  again.destroy();
});

test('EF-30 keys change while sessions are used across replicas', async () => {
  const all = await replicas(2);
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
