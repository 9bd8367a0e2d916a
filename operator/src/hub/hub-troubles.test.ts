import { beforeEach, describe, expect, test } from 'vitest';

import { resources } from '../world/index.ts';
import { status } from '../world/testing/index.ts';
import { createHubAuthorizer } from './index.ts';
import { createHubBench, type HubBench } from './testing/index.ts';

let bench: HubBench;
beforeEach(() => {
  bench = createHubBench();
});

describe('EF-55 a hub in a cluster: what comes between', () => {
  test("a stranger's Secret or object is left alone, said, and out of the way again when it goes", async () => {
    bench.putServer();
    bench.put('secrets', 'h-config', { data: { mine: 'eWVz' } });
    bench.putHub();
    await bench.start();
    expect(bench.condition('Ready')).toMatchObject({ status: 'False', reason: 'NameTaken' });
    expect(bench.condition('Ready')?.message).toContain('Secret h-config');
    expect(bench.short()).toMatchObject({
      Stalled: 'True/NameTaken',
      Reconciling: 'False/Settled',
      Degraded: 'True/NameTaken',
    });
    expect(bench.live('secrets', 'h-config')?.data).toEqual({ mine: 'eWVz' });
    expect(bench.live('deployments', 'h-hub')).toBeUndefined();
    expect(bench.events.map(({ type, reason }) => `${type} ${reason}`)).toContain('Warning NameTaken');
    bench.cluster.remove(resources.secrets, 'n/h-config');
    await bench.settle();
    expect(bench.live('deployments', 'h-hub')).toBeDefined();
    await bench.serving();
    expect(bench.short()).toMatchObject({ Ready: 'True/Ready', Stalled: 'False/Settled', Degraded: 'False/Healthy' });
  });

  test('quota and refusals are conditions; the rest goes on; it is tried again by itself', async () => {
    bench.putServer();
    bench.putHub();
    let refused: Error | undefined = status(403, 'exceeded quota: small');
    bench.cluster.intercept = (verb, resource, name) =>
      verb === 'apply' && resource.kind === 'Service' && name === 'h-hub' ? refused : undefined;
    await bench.start();
    await bench.serving();
    expect(bench.short()).toMatchObject({ Ready: 'True/Ready', Degraded: 'True/QuotaExceeded' });
    expect(bench.condition('Degraded')?.message).toContain('Service h-hub: exceeded quota: small');
    expect(bench.live('deployments', 'h-hub')).toBeDefined();
    refused = undefined;
    await bench.settle(11_000);
    expect(bench.short()).toMatchObject({ Degraded: 'False/Healthy' });
  });

  test('what passes by itself is an error for the queue, and no condition', async () => {
    bench.putServer();
    bench.putHub();
    let refused: Error | undefined = status(500, 'etcd is away');
    bench.cluster.intercept = (verb, _resource, name) =>
      verb === 'create' && name === 'h-credentials' ? refused : undefined;
    await bench.start();
    expect(bench.short()).toMatchObject({ Degraded: 'False/Healthy', Ready: 'False/NotAcknowledged' });
    refused = undefined;
    await bench.settle(3000);
    expect(bench.live('deployments', 'h-hub')).toBeDefined();
  });

  test('Pods that cannot run are the reason when nobody serves, and a fault when somebody does', async () => {
    await bench.startHub();
    const waiting = {
      containerStatuses: [
        { name: 'hub', image: 'gone:1', state: { waiting: { reason: 'ImagePullBackOff', message: 'not found' } } },
      ],
    };
    bench.putPod('p1', { ready: false, ...waiting });
    await bench.settle();
    expect(bench.condition('Ready')).toMatchObject({ status: 'False', reason: 'ImagePullFailed' });
    expect(bench.condition('Ready')?.message).toContain('gone:1');
    bench.putPod('p22');
    await bench.settle();
    bench.say('p22');
    await bench.settle();
    expect(bench.short()).toMatchObject({
      Ready: 'True/Ready',
      Programmed: 'False/NotAcknowledged',
      Degraded: 'True/ImagePullFailed',
    });
  });

  test('servers that replicas see differently: a fault of one counts, a late start does not', async () => {
    await bench.startServing();
    bench.say('p22', {}, 'Starting');
    await bench.settle(1000);
    expect(bench.statusOf().servers?.summary).toBe('1/1');
    bench.say('p22', {}, 'Degraded');
    await bench.settle(1000);
    expect(bench.statusOf().servers?.summary).toBe('0/1');
    expect(bench.short()).toMatchObject({ Degraded: 'True/ServersNotReady', Ready: 'True/Ready' });
  });

  test('without the Gateway API there is a condition and no route; Ingress needs nothing', async () => {
    bench.putServer();
    bench.putHub({ exposure: { gatewayRef: { name: 'public' }, hosts: ['h.example'] } });
    await bench.start();
    expect(bench.live('httpRoutes', 'h-hub')).toBeDefined();
    bench.putHub({ exposure: { ingress: {}, hosts: ['h.example'] } });
    await bench.settle();
    expect(bench.live('httpRoutes', 'h-hub')).toBeUndefined();
    expect(bench.live('ingresses', 'h-hub')).toBeDefined();
    expect(bench.published.at(-1)?.document.hosts).toContain('h.example');
  });

  test('drift of an object is repaired at once', async () => {
    await bench.startHub();
    bench.put('services', 'h-hub', { spec: { type: 'ClusterIP', selector: { other: 'pods' } } });
    await bench.settle(200);
    expect(JSON.stringify(bench.live('services', 'h-hub')?.spec)).toContain('"quaymaster.dev/hub":"h"');
    bench.cluster.remove(resources.deployments, 'n/h-hub');
    await bench.settle(200);
    expect(bench.live('deployments', 'h-hub')).toBeDefined();
  });

  test('a hub that goes is forgotten; one of the same name is another', async () => {
    await bench.startServing();
    bench.put('hubs', 'h', {}, { deletionTimestamp: 'now' });
    const before = bench.cluster.writes.length;
    await bench.settle();
    expect(bench.cluster.writes.length).toBe(before);
    bench.cluster.remove(resources.hubs, 'n/h');
    await bench.settle();
    expect(bench.forgotten).toEqual(['n/h']);
  });

  test('a recreated hub waits for the Secrets of the former one to go', async () => {
    await bench.startHub();
    const former = bench.live('secrets', 'h-sealing')?.data;
    bench.cluster.remove(resources.hubs, 'n/h');
    bench.putHub({}, { uid: 'another' });
    await bench.settle();
    expect(bench.live('secrets', 'h-sealing')?.data).toEqual(former);
    expect(bench.short()).not.toMatchObject({ Stalled: 'True/NameTaken' });
    for (const name of ['h-sealing', 'h-credentials', 'h-config']) bench.cluster.remove(resources.secrets, `n/${name}`);
    await bench.settle(2000);
    expect(bench.live('secrets', 'h-sealing')?.metadata.ownerReferences?.[0]?.uid).toBe('another');
    expect(bench.live('secrets', 'h-sealing')?.data).not.toEqual(former);
  });

  test('who may be a replica: a Pod of this hub, by the cache', async () => {
    await bench.startHub();
    bench.putPod('p1');
    const may = createHubAuthorizer(bench.world);
    const pod = { namespace: 'n', serviceAccount: 'h-hub', name: 'p1', uid: bench.uidOf('p1') };
    expect(may('n/h', pod)).toBe(true);
    expect(may('n/other', pod)).toBe('unknownHub');
    expect(may('n/h', { ...pod, namespace: 'm' })).toBe(false);
    expect(may('n/h', { ...pod, uid: 'x' })).toBe(false);
    bench.putPod('p1', { phase: 'Failed' });
    expect(may('n/h', pod)).toBe(false);
  });
});
