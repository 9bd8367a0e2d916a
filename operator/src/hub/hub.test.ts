import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';

import { resources } from '../world/index.ts';
import { createHubBench, type HubBench } from './testing/index.ts';

let bench: HubBench;
beforeEach(() => {
  bench = createHubBench();
});

describe('EF-55 a hub in a cluster', () => {
  test('Secrets first, then what mounts them, status last; Ready when all replicas acknowledged', async () => {
    await bench.startHub();
    expect(bench.written()).toEqual([
      'create Secret/h-sealing',
      'create Secret/h-credentials',
      'create Secret/h-config',
      'apply ServiceAccount/h-hub',
      'apply NetworkPolicy/h-hub',
      'apply Service/h-hub',
      'apply Service/h-hub-peers',
      'apply PodDisruptionBudget/h-hub',
      'apply Deployment/h-hub',
      'apply McpHub/h',
    ]);
    expect(bench.short()).toMatchObject({ Programmed: 'False/NotAcknowledged', Ready: 'False/NotAcknowledged' });
    expect(bench.document()).toMatchObject({ generation: 1, hash: bench.published.at(-1)?.document.hash });
    await bench.serving();
    expect(bench.short()).toEqual({
      Accepted: 'True/Accepted',
      ResolvedRefs: 'True/ResolvedRefs',
      Programmed: 'True/Programmed',
      Ready: 'True/Ready',
      Reconciling: 'False/Settled',
      Stalled: 'False/Settled',
      Degraded: 'False/Healthy',
      Insecure: 'True/NoAuthentication',
    });
    expect(bench.statusOf()).toMatchObject({
      observedConfig: '2/2 at generation 1',
      replicas: 2,
      tools: 7,
      servers: { summary: '1/1' },
      address: 'http://h-hub.n.svc.cluster.local/mcp',
      selector: 'app.kubernetes.io/component=hub,quaymaster.dev/hub=h',
    });
    expect(bench.events.map(({ type, reason }) => `${type} ${reason}`)).toEqual(['Normal Ready']);
    expect(bench.published.at(-1)?.peers.map((each) => each.name)).toEqual(['p1', 'p22']);
  });

  test('a resync writes nothing, reads nothing and publishes the same', async () => {
    await bench.startServing();
    const before = [bench.cluster.writes.length, bench.cluster.reads.length];
    bench.cluster.resync();
    await bench.settle(2000);
    expect([bench.cluster.writes.length, bench.cluster.reads.length]).toEqual(before);
    expect(bench.published.at(-1)).toEqual(bench.published.at(-2));
  });

  test('EF-57 a changed configuration: the next number, durable before it is published, one status when all have it', async () => {
    await bench.startServing();
    const before = bench.written().length;
    const seen: (number | undefined)[] = [];
    const known = bench.published.length;
    bench.cluster.intercept = (verb, _resource, name) => {
      if (verb === 'merge' && name === 'h-config') seen.push(bench.published.slice(known).at(-1)?.document.generation);
      return undefined;
    };
    bench.putHub({ instructions: 'hello' });
    await bench.settle(200);
    expect(seen).toEqual([undefined]);
    expect(bench.published.at(-1)?.document.generation).toBe(2);
    expect(bench.written().slice(before)).toEqual(['merge Secret/h-config']);
    bench.say('p1');
    bench.say('p22');
    await bench.settle();
    expect(bench.written().slice(before)).toEqual(['merge Secret/h-config', 'apply McpHub/h']);
    expect(bench.statusOf().observedConfig).toBe('2/2 at generation 2');
    expect(bench.events.map(({ reason }) => reason)).toEqual(['Ready']);
  });

  test('a replica that says nothing holds the status back only for a moment', async () => {
    await bench.startServing();
    bench.putHub({ instructions: 'hello' });
    await bench.settle(100);
    bench.say('p1');
    await bench.settle(1000);
    expect(bench.statusOf().observedConfig).toBe('1/2 at generation 2');
    expect(bench.short()).toMatchObject({ Programmed: 'False/NotAcknowledged', Ready: 'False/NotAcknowledged' });
  });

  test('EF-57 a refused document is a condition with the words of the replica, and goes with the next one', async () => {
    await bench.startServing();
    const old = bench.published.at(-1)?.document.hash ?? '';
    bench.putHub({ instructions: 'odd' });
    await bench.settle(100);
    const { hash = '' } = bench.published.at(-1)?.document ?? {};
    for (const pod of ['p1', 'p22'])
      bench.say(pod, { acknowledged: { hash: old, generation: 1 }, refused: { hash, message: 'cannot read it' } });
    await bench.settle(1000);
    expect(bench.condition('Programmed')).toMatchObject({ status: 'False', reason: 'ConfigRefused' });
    expect(bench.condition('Degraded')?.message).toContain('p1 refuses configuration');
    expect(bench.condition('Degraded')?.message).toContain('cannot read it');
    bench.putHub();
    await bench.settle(100);
    bench.say('p1');
    bench.say('p22');
    await bench.settle(1000);
    expect(bench.short()).toMatchObject({ Programmed: 'True/Programmed', Degraded: 'False/Healthy' });
    // The first content again, but never its number.
    expect(bench.statusOf().observedConfig).toBe('2/2 at generation 3');
  });

  test('EF-57 a configuration that does not fit leaves the last good one, and clears by itself', async () => {
    await bench.startServing();
    const good = bench.published.at(-1)?.document;
    const noise = (seed: string) =>
      Array.from({ length: 90 }, (_, i) => createHash('sha256').update(`${seed}${i}`).digest('base64')).join('');
    const wide = (name: string) => Array.from({ length: 8 }, (_, i) => noise(`${name}${i}`));
    const names = Array.from({ length: 50 }, (_, i) => `s${i}`);
    for (const name of names) bench.putServer(name, { command: { command: 'x', image: 'i', args: wide(name) } });
    await bench.settle(1000);
    expect(bench.condition('Accepted')).toMatchObject({ status: 'False', reason: 'ConfigTooLarge' });
    expect(bench.condition('Accepted')?.message).toContain('51 servers');
    expect(bench.short()).toMatchObject({
      Stalled: 'True/ConfigTooLarge',
      Reconciling: 'False/Settled',
      Ready: 'True/Ready',
    });
    expect(bench.published.at(-1)?.document).toEqual(good);
    // So it is for a successor, who has to read what is good.
    await bench.controller.stop();
    bench.listeners.clear();
    await bench.start();
    await bench.settle(1000);
    expect(bench.published.at(-1)?.document).toEqual(good);
    for (const name of names) bench.cluster.remove(resources.servers, `n/${name}`);
    await bench.settle(1000);
    expect(bench.condition('Accepted')?.status).toBe('True');
    expect(bench.published.at(-1)?.document).toEqual(good);
  });

  test('HT-0.05 a lost config Secret comes back with its number; the next content gets the next one', async () => {
    await bench.startServing();
    bench.cluster.remove(resources.secrets, 'n/h-config');
    await bench.settle(200);
    expect(bench.document().generation).toBe(1);
    bench.cluster.remove(resources.secrets, 'n/h-config');
    bench.putHub({ instructions: 'other' });
    await bench.settle(200);
    expect(bench.document().generation).toBe(2);
  });

  test('replicas that are ahead, as after a restored API server, get the content under a number above theirs', async () => {
    await bench.startServing();
    bench.say('p1', { acknowledged: { hash: 'of a lost time', generation: 12 } });
    await bench.settle();
    expect(bench.published.at(-1)?.document.generation).toBe(13);
    expect(bench.document().generation).toBe(13);
    bench.say('p1');
    bench.say('p22');
    await bench.settle();
    expect(bench.statusOf().observedConfig).toBe('2/2 at generation 13');
  });

  test('a successor takes what stands: no write, the same number; a number in status alone counts too', async () => {
    await bench.startServing();
    await bench.controller.stop();
    const before = bench.cluster.writes.length;
    bench.listeners.clear();
    await bench.start();
    await bench.settle(2000);
    expect(bench.cluster.writes.slice(before).map(({ name }) => name)).toEqual([]);
    expect(bench.published.at(-1)?.document.generation).toBe(1);
    await bench.controller.stop();
    bench.cluster.remove(resources.secrets, 'n/h-config');
    bench.put('hubs', 'h', { status: { ...bench.statusOf(), observedConfig: '2/2 at generation 41' } });
    await bench.start();
    expect(bench.document().generation).toBe(42);
  });

  test('a new leader waits for the replicas before it says anything', async () => {
    await bench.startServing();
    await bench.controller.stop();
    bench.listeners.clear();
    const spoken = bench.replicas;
    bench.replicas = [];
    const before = bench.statusOf();
    await bench.start();
    await bench.settle(3000);
    expect(bench.statusOf()).toEqual(before);
    bench.replicas = spoken;
    for (const listener of bench.listeners) listener('n/h', 'state');
    await bench.settle(1000);
    expect(bench.statusOf()).toEqual(before);
    // But not for ever.
    bench.replicas = [];
    for (const listener of bench.listeners) listener('n/h', 'state');
    await bench.settle(5000);
    expect(bench.statusOf()).toEqual(before);
    await bench.settle(12_000);
    expect(bench.short()).toMatchObject({ Ready: 'False/NotAcknowledged' });
  });
});
