import { beforeEach, describe, expect, test } from 'vitest';

import { resources } from '../world/index.ts';
import { type Bench, createBench, npm, podLabels, ready } from './testing/index.ts';

let bench: Bench;
beforeEach(() => {
  bench = createBench();
});

describe('the end of a server', () => {
  test('selected no more: hubs let go first, then the Pods end, then goes what stood around them', async () => {
    bench.putServer();
    bench.putHub();
    bench.control.say('n/h', { 'n/a': ready });
    await bench.start();
    bench.putPod({ phase: 'Running' });
    bench.deploymentReady();
    bench.putHub('h', { servers: { include: [] } });
    await bench.settle(2_000);
    expect(bench.short()['Ready']).toBe('False/NotSelected');
    expect(bench.statusOf().phase).toBe('Draining');
    expect(bench.live('deployments', 'a-server')).toBeDefined();
    bench.control.say('n/h', {});
    await bench.settle(2_000);
    expect(bench.live('deployments', 'a-server')).toBeUndefined();
    expect(bench.live('services', 'a-server')).toBeDefined();
    bench.cluster.remove(resources.pods, 'n/a-server-1');
    await bench.settle(2_000);
    for (const kind of ['services', 'networkPolicies', 'serviceAccounts', 'disruptionBudgets'] as const)
      expect(bench.live(kind, 'a-server'), kind).toBeUndefined();
    expect(bench.live('secrets', 'a-bridge')).toBeUndefined();
    expect(bench.statusOf().phase).toBe('Stopped');
  });

  test('a hub that never lets go does not keep it for ever', async () => {
    bench.putServer();
    bench.putHub();
    bench.control.say('n/h', { 'n/a': ready });
    await bench.start();
    bench.putHub('h', { servers: { include: [] } });
    await bench.settle(40_000);
    expect(bench.live('deployments', 'a-server')).toBeUndefined();
  });

  test('deleted: garbage collection takes its objects, and only what it forgets is swept', async () => {
    bench.putServer();
    bench.putHub();
    await bench.start();
    const uid = bench.live('servers', 'a')?.metadata.uid;
    bench.cluster.remove(resources.servers, 'n/a');
    await bench.settle(10_000);
    expect(bench.live('deployments', 'a-server')?.metadata.ownerReferences?.[0]?.uid).toBe(uid);
    await bench.settle(40_000);
    expect(bench.live('deployments', 'a-server')).toBeUndefined();
    expect(bench.live('secrets', 'a-bridge')).toBeUndefined();
  });

  test('what carries our labels and no owner is nobody to sweep', async () => {
    bench.put('services', 'a-server', {}, { labels: podLabels });
    await bench.start();
    await bench.settle(120_000);
    expect(bench.live('services', 'a-server')).toBeDefined();
  });

  test('made again under the same name: objects of the former one go first', async () => {
    bench.putServer();
    bench.putHub();
    await bench.start();
    bench.cluster.remove(resources.servers, 'n/a');
    const made = bench.putServer(npm, { uid: 'second' });
    await bench.settle(6_000);
    for (const kind of ['services', 'deployments'] as const)
      expect(bench.live(kind, 'a-server')?.metadata.ownerReferences?.map((owner) => owner.uid)).toEqual([
        made.metadata.uid,
      ]);
    expect(bench.live('secrets', 'a-bridge')?.metadata.ownerReferences?.[0]?.uid).toBe('second');
  });

  test('while it is being deleted nothing is made', async () => {
    bench.putServer(npm, { deletionTimestamp: '2026-01-01T00:00:00Z' });
    bench.putHub();
    await bench.start();
    expect(bench.written()).toEqual([]);
  });
});

describe('rotation of the token', () => {
  test('announced, then presented, then the old one is dropped; the same request once', async () => {
    bench.putServer();
    bench.putHub();
    await bench.start();
    const data = (): ReturnType<Bench['tokens']> => bench.tokens();
    const first = data().token;
    bench.putServer(npm, { annotations: { 'quaymaster.dev/rotate': '1' } });
    await bench.settle(2_000);
    const announced = data().previous;
    expect(data().token).toBe(first);
    expect(announced).not.toBe(first);
    await bench.settle(10_000);
    expect(data()).toEqual({ token: announced, previous: first });
    await bench.settle(12_000);
    expect(data()).toEqual({ token: announced });
    const before = bench.cluster.writes.length;
    bench.cluster.resync();
    await bench.settle(60_000);
    expect(bench.cluster.writes.length).toBe(before);
  });

  test('an announced token that somebody took out is announced again', async () => {
    bench.putServer(npm, { annotations: { 'quaymaster.dev/rotate': '1' } });
    bench.putHub();
    await bench.start();
    expect(Object.keys(bench.live('secrets', 'a-bridge')?.['data'] ?? {})).toEqual(['token']);
    bench.putServer(npm, { annotations: { 'quaymaster.dev/rotate': '2' } });
    await bench.settle(2_000);
    const { token = '' } = bench.tokens();
    bench.put('secrets', 'a-bridge', { data: { token } });
    await bench.settle(12_000);
    expect(bench.live('secrets', 'a-bridge')?.['data']).toMatchObject({ token });
    await bench.settle(24_000);
    expect(Object.keys(bench.live('secrets', 'a-bridge')?.['data'] ?? {})).toEqual(['token']);
    expect(bench.live('secrets', 'a-bridge')?.['data']).not.toMatchObject({ token });
  });
});
