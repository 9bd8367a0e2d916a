import { beforeEach, describe, expect, test } from 'vitest';

import { resources } from '../world/index.ts';
import { status } from '../world/testing/index.ts';
import { type Bench, createBench, npm, podLabels, ready, remote } from './testing/index.ts';

let bench: Bench;
beforeEach(() => {
  bench = createBench();
});

describe('what stands in the way is a condition, and clears by itself', () => {
  test('HT-0.09 an object of somebody else is left alone; the others proceed', async () => {
    bench.put('services', 'a-server', { spec: { mine: true } }, { labels: { app: 'other' } });
    bench.putServer();
    bench.putHub();
    bench.control.say('n/h', { 'n/a': { phase: 'Starting', reason: 'NoEndpoints' } });
    await bench.start();
    expect(bench.live('services', 'a-server')?.spec).toEqual({ mine: true });
    expect(bench.live('deployments', 'a-server')).toBeDefined();
    expect(bench.short()).toMatchObject({ Ready: 'False/NameTaken', Stalled: 'True/NameTaken' });
    expect(bench.condition('Ready')?.message).toMatch(
      /^Service a-server exists already .*; rename or delete that object/,
    );
    bench.cluster.remove(resources.services, 'n/a-server');
    await bench.settle(20_000);
    expect(bench.live('services', 'a-server')?.metadata.labels).toMatchObject(podLabels);
    expect(bench.short()).toMatchObject({ Ready: 'False/NoEndpoints' });
  });

  test('a Secret of somebody else under the name of the token is neither read nor mounted', async () => {
    bench.put('secrets', 'a-bridge', { data: { token: btoa('theirs') } });
    bench.putServer();
    bench.putHub();
    await bench.start();
    expect(bench.short()['Ready']).toBe('False/NameTaken');
    expect(bench.live('deployments', 'a-server')).toBeUndefined();
    expect(bench.world.checksums('n')).toEqual({});
    bench.cluster.remove(resources.secrets, 'n/a-bridge');
    await bench.settle(20_000);
    expect(bench.live('deployments', 'a-server')).toBeDefined();
  });

  test.each([
    ['ApplyRefused', status(422, 'Deployment.apps "a-server" is invalid: requests must be <= limits')],
    ['QuotaExceeded', status(403, 'deployments.apps "a-server" is forbidden: exceeded quota: small')],
    ['ApplyRefused', status(403, 'denied by policy')],
  ])('%s: with the words of the API server', async (reason, error) => {
    bench.cluster.intercept = (verb, resource) =>
      verb === 'apply' && resource.kind === 'Deployment' ? error : undefined;
    bench.putServer();
    bench.putHub();
    await bench.start();
    expect(bench.short()['Ready']).toBe(`False/${reason}`);
    expect(bench.condition('Ready')?.message).toContain(error.message.slice(0, 30));
    expect(bench.live('services', 'a-server')).toBeDefined();
    expect(bench.events.at(-1)).toMatchObject({ type: 'Warning', reason });
    bench.cluster.intercept = () => undefined;
    await bench.settle(20_000);
    expect(bench.short()['Ready']).toBe('False/Starting');
  });

  test('a network that fails is no condition; a namespace on its way out is nothing at all', async () => {
    const terminating = status(403, 'forbidden', [{ reason: 'NamespaceTerminating' }]);
    bench.cluster.intercept = (verb, resource) =>
      verb === 'apply' && resource.kind === 'Deployment' ? terminating : undefined;
    bench.putServer();
    bench.putHub();
    await bench.start();
    expect(bench.short()['Ready']).toBe('False/Starting');
    await bench.settle(2_000);
    const reads = bench.cluster.reads.length;
    await bench.settle(30_000);
    expect(bench.cluster.reads.length).toBe(reads);
    bench.cluster.intercept = (verb, resource) =>
      verb === 'apply' && resource.kind === 'Deployment' ? new TypeError('broken') : undefined;
    bench.putServer({ ...npm, replicas: 2 });
    await bench.settle();
    expect(bench.short()['Ready']).toBe('False/Starting');
    bench.cluster.intercept = () => undefined;
    await bench.settle(65_000);
    expect(bench.live('deployments', 'a-server')?.spec).toMatchObject({ replicas: 2 });
  });

  test('what this kind of cluster cannot run is said, and what runs stays', async () => {
    bench.putServer();
    bench.putHub();
    await bench.start();
    bench.putServer({ ...npm, roots: [{ name: 'r', directory: '/home' }] });
    const lastError = { code: 'SecretNotFound', message: 'no token' };
    bench.control.say('n/h', { 'n/a': { phase: 'Degraded', reason: 'SecretNotFound', lastError } });
    await bench.settle();
    expect(bench.statusOf()).not.toHaveProperty('lastError');
    expect(bench.short()).toMatchObject({ Ready: 'False/Unsupported', Stalled: 'True/Unsupported' });
    expect(bench.live('deployments', 'a-server')).toBeDefined();
  });

  test('an image that cannot be pulled; while the former Pods serve it stays Ready', async () => {
    bench.putServer();
    bench.putHub();
    await bench.start();
    const waiting = { reason: 'ImagePullBackOff', message: 'Back-off pulling image "x"; no such host' };
    bench.putPod({ containerStatuses: [{ name: 'server', image: 'x', ready: false, state: { waiting } }] });
    bench.control.say('n/h', { 'n/a': { phase: 'Degraded', reason: 'Unreachable' } });
    await bench.settle();
    expect(bench.condition('Ready')).toMatchObject({ reason: 'ImagePullFailed' });
    expect(bench.condition('Ready')?.message).toMatch(
      /^Pod a-server-1: image x: Back-off .*, no such host; correct the image/,
    );
    bench.control.say('n/h', { 'n/a': ready });
    await bench.settle();
    expect(bench.short()).toMatchObject({
      Ready: 'True/Ready',
      Stalled: 'True/ImagePullFailed',
      Degraded: 'True/ImagePullFailed',
    });
    expect(bench.events.map((event) => event.reason)).toEqual(['ImagePullFailed', 'Ready']);
    bench.putPod({ containerStatuses: [{ name: 'server', ready: true }] });
    bench.deploymentReady();
    await bench.settle();
    expect(bench.short()).toMatchObject({ Stalled: 'False/Settled', Reconciling: 'False/Settled' });
  });
});

describe('what the hubs say', () => {
  test('the oldest hub that reports decides, its worst replica first; other tools elsewhere are a condition', async () => {
    bench.putHub('old');
    bench.putHub('new');
    bench.putServer(remote);
    bench.control.say('n/new', { 'n/a': { ...ready, toolsHash: 't2' } });
    await bench.start();
    expect(bench.statusOf().toolsHash).toBe('t2');
    bench.control.say('n/old', { 'n/a': ready });
    await bench.settle();
    expect(bench.statusOf().toolsHash).toBe('t1');
    expect(bench.short()).toMatchObject({ Ready: 'True/Ready', Degraded: 'True/HubsDisagree' });
    expect(bench.condition('Degraded')?.message).toContain('hub new sees other tools of it than hub old');
    bench.control.say('n/old', { 'n/a': { phase: 'Degraded', reason: 'Unreachable' } }, 'r2');
    await bench.settle();
    expect(bench.short()['Ready']).toBe('False/Unreachable');
    bench.control.say('n/old', undefined, 'r2');
    bench.control.say('n/new', { 'n/a': ready });
    await bench.settle();
    expect(bench.short()).toMatchObject({ Ready: 'True/Ready', Degraded: 'False/Healthy' });
  });

  test('HT-1.09 HT-0.09 a replica whose circuit is open outweighs one that is well; one that sleeps, one that never started', async () => {
    bench.putHub();
    bench.putServer(remote);
    bench.control.say('n/h', { 'n/a': ready });
    bench.control.say('n/h', { 'n/a': { ...ready, circuit: { state: 'open' } } }, 'r2');
    await bench.start();
    expect(bench.short()).toMatchObject({ Ready: 'True/Ready', Degraded: 'True/CircuitOpen' });
    expect(bench.statusOf().circuit).toEqual({ state: 'open' });
    bench.control.say('n/h', { 'n/a': ready }, 'r2');
    await bench.settle();
    expect(bench.short()).toMatchObject({ Ready: 'True/Ready', Degraded: 'False/Healthy' });
    expect(bench.statusOf().circuit).toBeUndefined();
    bench.control.say('n/h', { 'n/a': { phase: 'Pending', reason: 'Pending' } });
    bench.control.say('n/h', { 'n/a': { phase: 'Pending', reason: 'Asleep' } }, 'r2');
    await bench.settle();
    expect(bench.short()).toMatchObject({ Ready: 'True/Asleep', Reconciling: 'False/Settled' });
  });

  test('Programmed when every replica that reports runs it as declared now', async () => {
    bench.putHub();
    bench.putServer(remote);
    await bench.start();
    const hash = bench.world.namespace('n')?.server('a')?.config?.runtimeHash ?? '';
    bench.control.say('n/h', { 'n/a': { ...ready, runtimeHash: hash } });
    bench.control.say('n/h', { 'n/a': { ...ready, runtimeHash: 'former' } }, 'r2');
    await bench.settle();
    expect(bench.short()).toMatchObject({
      Programmed: 'False/NotAcknowledged',
      Ready: 'True/Ready',
      Reconciling: 'True/NotAcknowledged',
    });
    bench.control.say('n/h', {}, 'r2');
    await bench.settle();
    expect(bench.condition('Programmed')?.message).toContain('1 of 2 replicas');
    bench.control.say('n/h', { 'n/a': { ...ready, runtimeHash: hash } }, 'r2');
    await bench.settle();
    expect(bench.short()).toMatchObject({ Programmed: 'True/Programmed', Reconciling: 'False/Settled' });
  });

  test('a stream that breaks for a moment, or a new leader, changes nothing; silence that lasts does', async () => {
    bench.putHub();
    bench.putServer(remote);
    bench.control.say('n/h', { 'n/a': ready });
    await bench.start();
    const before = bench.cluster.writes.length;
    bench.control.say('n/h', undefined);
    await bench.settle(10_000);
    bench.control.say('n/h', null);
    await bench.settle(1_000);
    bench.control.say('n/h', { 'n/a': ready });
    await bench.settle(10_000);
    expect(bench.cluster.writes.length).toBe(before);
    bench.control.say('n/h', undefined);
    await bench.settle(20_000);
    expect(bench.condition('Programmed')?.message).toBe('no replica of hub h is connected');
    expect(bench.short()['Ready']).toBe('False/Pending');
  });
});
