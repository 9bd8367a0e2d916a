/** Replicas that nobody has told who the others are: what waits for the first word, and who is found without one. */
import { describe, expect, test } from 'vitest';

import { createTestClock, type TestClock } from '../base/index.ts';
import { call, initialize, send, startTestReplica, type TestReplica } from './testing/replica-rig.ts';
import { meet, until, useReplicas } from './testing/use-replicas.ts';

const replicas = useReplicas();

describe('the first seconds', () => {
  async function young(): Promise<{ clock: TestClock; owner: TestReplica; other: TestReplica; session: string }> {
    const clock = createTestClock();
    const owner = await startTestReplica('uid-owner', { clock });
    const other = await startTestReplica('uid-young', { clock });
    replicas.running.push(owner, other);
    return { clock, owner, other, session: await initialize(owner) };
  }

  test('EF-30 a request waits for the first word about the others, then goes to its owner', async () => {
    const { clock, owner, other, session } = await young();
    const { pending } = clock;
    const early = send(other, call(session));
    await until(() => clock.pending > pending);
    await clock.advance(4_000);
    meet([owner, other]);
    expect((await early).status).toBe(200);
    expect([owner, other].map(({ upstream }) => upstream.calls.length)).toEqual([1, 0]);
  });

  test('without a word a replica goes on alone', async () => {
    const { clock, other, session } = await young();
    const { pending } = clock;
    const early = send(other, call(session));
    await until(() => clock.pending > pending);
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
    replicas.running.push(...all);
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
    replicas.running.push(stranger);
    await stranger.peers.find(['127.0.0.2']);
    // Once or twice: a refused greeting may be tried again on another connection.
    expect(one.counted.get('peerRefusals tls')).toBeGreaterThanOrEqual(1);
  });
});
