import { beforeEach, describe, expect, test } from 'vitest';

import type { KubeObject } from '../kube/index.ts';
import { resources } from '../world/index.ts';
import { type Bench, createBench, npm, podLabels, ready, remote } from './testing/index.ts';

let bench: Bench;
beforeEach(() => {
  bench = createBench();
});

describe('EF-55 a server in a cluster', () => {
  test('token first, then what runs, status last; Ready when its hub says so', async () => {
    bench.putServer();
    bench.putHub();
    await bench.start();
    expect(bench.written()).toEqual([
      'create Secret/a-bridge',
      'apply ServiceAccount/a-server',
      'apply NetworkPolicy/a-server',
      'apply Service/a-server',
      'apply PodDisruptionBudget/a-server',
      'apply Deployment/a-server',
      'apply McpServer/a',
    ]);
    // What is new is made, not looked for.
    expect(bench.cluster.reads.filter((each) => !each.startsWith('Secret/'))).toEqual([]);
    expect(Buffer.from(bench.tokens().token ?? '', 'base64').toString()).toMatch(/^[\w-]{43}$/);
    expect(bench.short()).toMatchObject({ Programmed: 'False/NotAcknowledged', Ready: 'False/Starting' });
    bench.deploymentReady();
    await bench.settle();
    expect(bench.condition('Ready')).toMatchObject({
      reason: 'Pending',
      message: 'waiting for hub h to connect to the operator',
    });
    bench.control.say('n/h', { 'n/a': ready });
    await bench.settle();
    expect(bench.short()).toEqual({
      Accepted: 'True/Accepted',
      ResolvedRefs: 'True/ResolvedRefs',
      Programmed: 'True/Programmed',
      Ready: 'True/Ready',
      Reconciling: 'False/Settled',
      Stalled: 'False/Settled',
      Degraded: 'False/Healthy',
    });
    expect(bench.statusOf()).toMatchObject({
      observedGeneration: 1,
      replicas: 1,
      selector: 'app.kubernetes.io/component=server,quaymaster.dev/server=a',
      serverInfo: ready.serverInfo,
      toolsHash: 't1',
    });
    expect(bench.events.map(({ type, reason }) => `${type} ${reason}`)).toEqual(['Normal Ready']);
  });

  test('what follows from one change comes in a swarm, and is one status', async () => {
    bench.putServer();
    bench.putHub();
    bench.control.say('n/h', { 'n/a': ready });
    await bench.start();
    const before = bench.written().length;
    for (let restartCount = 1; restartCount <= 5; restartCount++) {
      bench.putPod({ phase: 'Running', containerStatuses: [{ name: 'server', ready: true, restartCount }] });
      await bench.settle(15);
    }
    expect(bench.written().slice(before)).toEqual([]);
    await bench.settle();
    expect(bench.written().slice(before)).toEqual(['apply McpServer/a']);
    expect(bench.statusOf().restarts).toBe(5);
  });

  test('a new one that no hub selects yet: a hub of the same apply may follow, so nothing is said for two seconds', async () => {
    await bench.start();
    const creationTimestamp = new Date(bench.now()).toISOString();
    bench.putServer(npm, { creationTimestamp });
    await bench.settle(1_500);
    expect(bench.statusOf()).toEqual({});
    await bench.settle(1_000);
    expect(bench.short()).toMatchObject({ Ready: 'False/NotSelected' });
  });

  test('that a new one waits for its first replica is no event; that it serves is one, and that it lost its last replica', async () => {
    bench.putServer();
    bench.putHub();
    const coming = { phase: 'Starting', reason: 'NoEndpoints', message: 'no replica of it is ready' } as const;
    bench.control.say('n/h', { 'n/a': coming });
    await bench.start();
    expect(bench.short()).toMatchObject({ Ready: 'False/NoEndpoints' });
    expect(bench.events).toEqual([]);
    for (const word of [ready, coming]) {
      bench.control.say('n/h', { 'n/a': word });
      bench.deploymentReady();
      await bench.settle();
    }
    expect(bench.events.map(({ type, reason }) => `${type} ${reason}`)).toEqual([
      'Normal Ready',
      'Warning NoEndpoints',
    ]);
  });

  test('steady state and a forced resync write nothing', async () => {
    bench.putServer();
    bench.putHub();
    bench.control.say('n/h', { 'n/a': ready });
    await bench.start();
    bench.deploymentReady();
    await bench.settle();
    const before = bench.cluster.writes.length;
    bench.cluster.resync();
    bench.control.load('n/h');
    bench.control.say('n/h', { 'n/a': ready });
    await bench.settle(60_000);
    expect(bench.cluster.writes.slice(before)).toEqual([]);
  });

  test('a remote server has no Pods, and is what its hub says', async () => {
    bench.putServer(remote);
    bench.putHub();
    bench.control.say('n/h', { 'n/a': { ...ready, phase: 'Degraded', reason: 'Unreachable', message: 'no route' } });
    await bench.start();
    expect(bench.written()).toEqual(['apply McpServer/a']);
    expect(bench.short()).toMatchObject({ Ready: 'False/Unreachable', Degraded: 'True/Unreachable' });
    expect(bench.statusOf().replicas).toBeUndefined();
  });

  test('what is deleted or changed by hand comes back', async () => {
    bench.putServer();
    bench.putHub();
    await bench.start();
    for (const kind of [
      'serviceAccounts',
      'networkPolicies',
      'services',
      'disruptionBudgets',
      'deployments',
    ] as const) {
      bench.cluster.remove(resources[kind], 'n/a-server');
      await bench.settle();
      expect(bench.live(kind, 'a-server'), kind).toBeDefined();
    }
    bench.put('deployments', 'a-server', {
      spec: { ...(bench.live('deployments', 'a-server')?.spec as object), replicas: 9 },
    });
    bench.cluster.remove(resources.secrets, 'n/a-bridge');
    await bench.settle(6_000);
    expect(bench.live('deployments', 'a-server')?.spec).toMatchObject({ replicas: 1 });
    expect(bench.live('secrets', 'a-bridge')).toBeDefined();
    bench.put('secrets', 'a-bridge', { data: {} });
    await bench.settle();
    expect(Object.keys(bench.live('secrets', 'a-bridge')?.['data'] ?? {})).toEqual(['token']);
    bench.put('secrets', 'a-bridge', {}, { labels: {} });
    await bench.settle();
    expect(bench.live('secrets', 'a-bridge')?.metadata.labels).toMatchObject(podLabels);
    bench.put('services', 'a-server', {}, { labels: {} });
    await bench.settle();
    expect(bench.live('services', 'a-server')?.metadata.labels).toMatchObject(podLabels);
  });

  test('a changed Secret changes the checksum of the Pods', async () => {
    bench.put('secrets', 's', { data: { k: btoa('one') } });
    bench.putServer({ ...npm, env: [{ name: 'X', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }] });
    bench.putHub();
    await bench.start();
    const annotation = () =>
      (bench.live('deployments', 'a-server')?.spec as { template?: KubeObject } | undefined)?.template?.metadata
        .annotations;
    const before = annotation();
    bench.put('secrets', 's', { data: { k: btoa('two') } });
    await bench.settle();
    expect(annotation()).not.toEqual(before);
  });

  test('a number that an autoscaler decides is left to it, and taken back when the autoscaler is gone', async () => {
    bench.putServer();
    bench.putHub();
    await bench.start();
    const hpa = {
      group: 'autoscaling',
      version: 'v2',
      kind: 'HorizontalPodAutoscaler',
      plural: 'horizontalpodautoscalers',
      namespaced: true,
    };
    bench.cluster.put(hpa, {
      metadata: { name: 'x', namespace: 'n' },
      spec: { scaleTargetRef: { kind: 'Deployment', name: 'a-server' } },
    });
    const managedFields = [
      {
        manager: 'kube-controller-manager',
        operation: 'Update',
        subresource: 'scale',
        fieldsV1: { 'f:spec': { 'f:replicas': {} } },
      },
    ];
    const spec = { ...(bench.live('deployments', 'a-server')?.spec as object), replicas: 7 };
    bench.put('deployments', 'a-server', { spec }, { managedFields });
    await bench.settle();
    expect(bench.live('deployments', 'a-server')?.spec).toMatchObject({ replicas: 7 });
    bench.cluster.remove(hpa, 'n/x');
    await bench.settle(180_000);
    expect(bench.live('deployments', 'a-server')?.spec).toMatchObject({ replicas: 1 });
  });
});
