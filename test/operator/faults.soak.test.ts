/** The long forms of `faults.cluster.test.ts`: a minute without API server, a leader that sleeps, a cluster thrown back in time. */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { apiServerAway } from './away.ts';
import { FaultsWorld, generation, sleep, took } from './faults-world.ts';
import { eventually } from './operator-process.ts';

let world: FaultsWorld;

beforeAll(async () => {
  world = await FaultsWorld.start('faults-long');
});
afterAll(() => world?.[Symbol.asyncDispose]());
beforeEach(async () => {
  // An operator that could not renew its lease has ended, as it should; a cluster starts it again.
  await world.restartEnded(100);
  await world.allReady(30_000);
});

test('EF-57 the API server is away for a minute: hubs keep what they run, nothing is written, no Pod is another one', async () => {
  await apiServerAway(world, { downMs: 60_000, silentMs: 15_000 });
});

test('HT-3.19 the leader is paused: another one leads in time, and the paused one writes nothing when it wakes', async () => {
  const leader = await world.leader();
  const before = generation(await world.hub());
  leader.signal('SIGSTOP');
  const stopped = performance.now();
  await eventually('another one leads', 15_000, async () => (await world.leader()) !== leader);
  took('leader paused, another one leads after', performance.now() - stopped);
  await world.edit('while it sleeps');
  // Hubs hold on to a stream that says nothing for 25 s.
  await world.acknowledged(before, 45_000);
  took('leader paused, an edit is acknowledged after', performance.now() - stopped);
  await world.allReady(30_000);
  await sleep(2000);
  const since = new Date();
  leader.signal('SIGCONT');
  expect(await leader.ended).toBe(1);
  await sleep(1000);
  expect(await world.writes(since)).toEqual([]);
  await world.restartEnded(100);
});

// Last: it throws the cluster back in time.
test('HT-0.05 etcd is restored from an older state: it is declared again what was, and no generation means two contents', async () => {
  const { cluster } = world;
  const data = join(dirname(cluster.kubeconfig), 'etcd');
  const saved = await mkdtemp(join(tmpdir(), 'qm-etcd-'));
  const pods = await world.podsOf();
  const stop = async (): Promise<void> => {
    await cluster.kill('kube-apiserver');
    await cluster.kill('etcd');
  };
  const resume = async (): Promise<void> => {
    await cluster.restart('etcd');
    await cluster.restart('kube-apiserver');
    await world.serves();
    await world.restartEnded(3000);
  };
  try {
    await stop();
    await cp(data, saved, { recursive: true });
    await resume();
    await world.allReady(60_000);
    const before = generation(await world.hub());
    for (const text of ['later', 'later still']) {
      const now = generation(await world.hub());
      await world.edit(text);
      await world.acknowledged(now, 30_000);
    }
    const newest = generation(await world.hub());
    expect(newest).toBe(before + 2);
    await stop();
    await rm(data, { recursive: true });
    await cp(saved, data, { recursive: true });
    await resume();
    const back = performance.now();
    // The content of before, under a number that nothing had.
    await world.acknowledged(newest, 60_000);
    await world.allReady(60_000);
    took('etcd restored, all as declared after', performance.now() - back);
    expect(await world.podsOf()).toBe(pods);
  } finally {
    await rm(saved, { recursive: true });
  }
});
