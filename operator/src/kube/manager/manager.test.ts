import { silentLogger } from 'quaymaster/base';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { createApplier } from '../apply/index.ts';
import { createElection, leaseResource } from '../lease/index.ts';
import type { KubeObject } from '../objects/index.ts';
import { createController, createWorkQueue, done, type Reconcile } from '../queue/index.ts';
import { createStore, createWriteTracker } from '../store/index.ts';
import { configMaps, drive, until, useFakeApi, widget, widgets } from '../testing/index.ts';
import { createKubeClient } from '../transport/index.ts';
import { enqueueOn, ownerKeys } from './enqueue.ts';
import { createManager, type Manager, type ManagerOptions } from './manager.ts';

const stage = useFakeApi([leaseResource, widgets, configMaps]);
let stop: AbortController;
let order: string[];

beforeEach(() => {
  stop = new AbortController();
  order = [];
});

afterEach(() => {
  stop.abort();
});

const base = (): ManagerOptions => ({
  client: createKubeClient(stage.transport),
  clock: stage.clock,
  random: () => 0.5,
  logger: silentLogger,
  metrics: stage.metrics,
});
const elect = (identity: string) =>
  createElection({
    client: createKubeClient(stage.transport, { urgent: true }),
    namespace: 'sys',
    name: 'op',
    identity,
    clock: stage.clock,
    random: () => 0,
    logger: silentLogger,
  });
const controllerOf = (reconcile: Reconcile, name = 'widgets') =>
  createController({ name, clock: stage.clock, logger: silentLogger, workers: 1, reconcile });

test('HT-3.19 caches first, then the election, then the controllers; the way out in reverse', async () => {
  stage.api.put(widgets, widget('a'));
  const election = elect('a');
  const manager = createManager({ ...base(), election });
  const informer = manager.informer({ resource: widgets });
  const controller = controllerOf((key) => {
    order.push(`reconcile ${key} leader=${election.isLeader} cached=${informer.store.size}`);
    return Promise.resolve(done);
  });
  enqueueOn(informer.store, controller.queue);
  manager.addController(controller);
  manager.onLeading(() => {
    order.push(`leading synced=${informer.synced}`);
    return Promise.resolve();
  });
  manager.onStopping(() => {
    order.push(`stopping leader=${election.isLeader}`);
    return Promise.reject(new Error('flush failed'));
  });
  expect(manager.readiness).toEqual({ ready: false, leading: false, waitingFor: ['widgets: idle'] });
  const running = manager.run(stop.signal);
  await until('reconciled', () => order.length === 2);
  expect(manager.readiness).toEqual({ ready: true, leading: true, waitingFor: [] });
  manager.report();
  expect(stage.metrics.last('quaymaster_informer_objects', { resource: 'widgets.test.example' })).toBe(1);
  stop.abort();
  await running;
  expect(order).toEqual(['leading synced=true', 'reconcile default/a leader=true cached=1', 'stopping leader=true']);
  expect(stage.api.get(leaseResource, 'sys/op')?.spec).toMatchObject({ holderIdentity: '' });
  await until('closed', () => stage.api.watches.size === 0);
});

test('HT-3.19 a standby is ready with warm caches, but reconciles nothing', async () => {
  stage.api.put(leaseResource, {
    apiVersion: 'v1',
    kind: 'Lease',
    metadata: { name: 'op', namespace: 'sys' },
    spec: { holderIdentity: 'other', leaseDurationSeconds: 10 },
  });
  stage.api.put(widgets, widget('a'));
  const manager = createManager({ ...base(), election: elect('me') });
  const informer = manager.informer({ resource: widgets });
  const controller = controllerOf((key) => {
    order.push(key);
    return Promise.resolve(done);
  });
  enqueueOn(informer.store, controller.queue);
  manager.addController(controller);
  const running = manager.run(stop.signal);
  await until('ready', () => manager.readiness.ready && informer.store.size === 1);
  expect(manager.readiness.leading).toBe(false);
  expect([order, controller.queue.depth]).toEqual([[], 1]);
  stop.abort();
  await running;
});

test('a lost office ends the run with an error, without waiting for anything', async () => {
  const manager = createManager({ ...base(), election: elect('me') });
  manager.informer({ resource: widgets });
  const controller = controllerOf(
    (_key, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      }),
  );
  manager.addController(controller);
  manager.onStopping(() => Promise.resolve(void order.push('flushed')));
  const running = manager.run(stop.signal).then(
    () => 'ended',
    (error: Error) => error.message,
  );
  await until('leading', () => manager.readiness.leading);
  controller.queue.add('busy');
  stage.api.intercept = (request) => (request.path.includes('/leases/') ? 'destroy' : undefined);
  let result: string | undefined;
  void running.then((text) => (result = text));
  await drive(stage.clock, 'ended', () => result !== undefined);
  expect(result).toContain('leadership lost: not renewed in time');
  expect(order).toEqual([]);
});

test('a reconcile that hears no signal does not keep the process from its end', async () => {
  const manager = createManager({ ...base(), graceMs: 1000 });
  const controller = controllerOf(() => new Promise(() => {}));
  manager.addController(controller);
  let ended = false;
  const running = manager.run(stop.signal).then(() => (ended = true));
  await until('leading', () => manager.readiness.leading);
  controller.queue.add('deaf');
  await until('busy', () => controller.queue.processing === 1);
  stop.abort();
  await drive(stage.clock, 'ended all the same', () => ended);
  await running;
  await stage.clock.advance(200_000);
});

test('a cache that cannot be filled shows why', async () => {
  stage.api.intercept = () => ({ status: 403, body: { message: 'widgets is forbidden' } });
  const manager = createManager(base());
  manager.informer({ resource: widgets });
  const running = manager.run(stop.signal);
  await until('a reason', () => manager.readiness.waitingFor[0]?.includes('forbidden') === true);
  expect(manager.readiness.ready).toBe(false);
  stop.abort();
  await running;
});

test('the same cache is shared; different indexes for it are a fault; a late one starts at once', async () => {
  const manager = createManager(base());
  const first = manager.informer({ resource: widgets });
  expect(manager.informer({ resource: widgets })).toBe(first);
  expect(manager.informer({ resource: widgets, labelSelector: 'x=y' })).not.toBe(first);
  expect(() => manager.informer({ resource: widgets, indexers: {} })).toThrow('asked for twice');
  const running = manager.run(stop.signal);
  await until('leading without election', () => manager.readiness.leading);
  await manager.informer({ resource: configMaps, maxObjects: 5, fieldSelector: 'metadata.name=x' }).whenSynced();
  manager.addController(controllerOf((key) => Promise.resolve(void order.push(key)).then(() => done), 'late'));
  stop.abort();
  await running;
});

test('listed namespaces: one cache, a watch each, and a relist of one leaves the others alone', async () => {
  for (const namespace of ['one', 'two', 'three']) stage.api.put(widgets, widget('a', { namespace, uid: namespace }));
  const manager: Manager = createManager(base());
  const informer = manager.informer({ resource: widgets, namespaces: ['one', 'two', 'one'] });
  const running = manager.run(stop.signal);
  await informer.whenSynced();
  expect([...informer.store.keys()].toSorted()).toEqual(['one/a', 'two/a']);
  await until('two watches', () => stage.api.watches.size === 2);
  expect(informer.states).toHaveLength(2);
  stop.abort();
  await running;
});

test('a handler with a fault and a cache at its bound are told in log and numbers, the others go on', async () => {
  const errors: string[] = [];
  const logger = { ...silentLogger, error: (_fields: object, message: string) => void errors.push(message) };
  for (const name of ['a', 'b']) stage.api.put(widgets, widget(name));
  const manager = createManager({ ...base(), logger, limits: { pageSize: 10 } });
  const informer = manager.informer({ resource: widgets, maxObjects: 1 });
  informer.store.subscribe(() => {
    throw new TypeError('fault');
  });
  informer.store.subscribe((change) => order.push(change.key));
  const running = manager.run(stop.signal);
  await informer.whenSynced();
  expect(order).toEqual(['default/a']);
  expect(errors.toSorted()).toEqual([
    'a handler of cache events failed',
    'the cache is at its bound; an object is left out',
  ]);
  expect(stage.metrics.sum('quaymaster_informer_handler_errors_total')).toBe(1);
  stop.abort();
  await running;
});

test('already told to stop: nothing starts', async () => {
  stop.abort();
  const manager = createManager({ ...base(), election: elect('x') });
  manager.informer({ resource: widgets });
  await manager.run(stop.signal);
  expect(stage.api.writes).toEqual([]);
});

test('EF-55 a whole controller: drift is repaired, and a forced resync of a settled cluster writes nothing at all', async () => {
  const manager = createManager(base());
  const writer = createKubeClient(stage.transport);
  const tracker = createWriteTracker({ clock: stage.clock });
  const applier = createApplier({ client: writer, manager: 'op', hashAnnotation: 'test.example/hash', tracker });
  const roots = manager.informer({ resource: widgets });
  const children = manager.informer({ resource: configMaps });
  tracker.follow(configMaps, children.store);
  const controller = controllerOf(async (key, signal) => {
    order.push(key);
    const root = roots.store.get(key);
    if (root === undefined) return done;
    const { uid = '', name, namespace = '' } = root.metadata;
    const wanted = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        name,
        namespace,
        ownerReferences: [{ apiVersion: 'test.example/v1', kind: 'Widget', name, uid, controller: true }],
      },
      data: { size: String((root.spec as { size: number }).size) },
    } as KubeObject;
    const { action } = await applier.apply({ resource: configMaps, wanted, live: children.store.get(key) }, signal);
    return action === 'stale' ? { kind: 'requeueAfter', afterMs: 100 } : done;
  });
  enqueueOn(roots.store, controller.queue);
  enqueueOn(children.store, controller.queue, ownerKeys('test.example', 'Widget'));
  manager.addController(controller);
  for (let i = 0; i < 20; i++) stage.api.put(widgets, widget(`w${i}`));
  const running = manager.run(stop.signal);
  await drive(
    stage.clock,
    'all children',
    () =>
      children.store.size === 20 &&
      controller.queue.depth + controller.queue.processing + controller.queue.waiting === 0,
    50,
  );
  expect(stage.api.writes).toHaveLength(20);
  const before = order.length;
  manager.resync();
  await until(
    'all looked at again',
    () => order.length >= before + 20 && controller.queue.depth + controller.queue.processing === 0,
  );
  expect(stage.api.writes).toHaveLength(20);
  const child = stage.api.get(configMaps, 'default/w3') as KubeObject;
  stage.api.put(configMaps, { ...child, data: { size: 'by hand' } } as KubeObject);
  await until(
    'repaired',
    () => (stage.api.get(configMaps, 'default/w3') as unknown as { data: { size: string } }).data.size === '1',
  );
  expect(stage.api.writes).toHaveLength(21);
  stop.abort();
  await running;
});

test('an object that stops pointing somewhere wakes both ends; what was there already waits behind fresh edits', async () => {
  const store = createStore<KubeObject>();
  const queue = createWorkQueue({ name: 'q', clock: stage.clock });
  const refers = (object: KubeObject): readonly string[] => [(object.spec as { ref: string }).ref];
  store.replace([widget('a', { uid: '1', resourceVersion: '1' }, { spec: { ref: 'old' } })], '1', undefined);
  const leave = enqueueOn(store, queue, refers);
  expect(await queue.take()).toEqual({ key: 'old', priority: -100 });
  queue.done('old');
  store.put(widget('a', { uid: '1', resourceVersion: '2' }, { spec: { ref: 'new' } }), '2');
  expect([(await queue.take())?.key, (await queue.take())?.key]).toEqual(['new', 'old']);
  for (const key of ['new', 'old']) queue.done(key);
  store.remove(widget('a', { uid: '1', resourceVersion: '3' }, { spec: { ref: 'new' } }), '3');
  expect(await queue.take()).toEqual({ key: 'new', priority: 0 });
  leave();
});

test('children lead to their controlling owner of the kind, in any version of its group', () => {
  const keys = ownerKeys('test.example', 'Widget');
  const owned = (owner: object): KubeObject =>
    widget('c', {
      ownerReferences: [
        { apiVersion: 'test.example/v1beta1', kind: 'Widget', name: 'root', uid: 'u', controller: true, ...owner },
      ],
    });
  expect(keys(owned({}))).toEqual(['default/root']);
  expect(keys(owned({ controller: false }))).toEqual([]);
  expect(keys(owned({ kind: 'Other' }))).toEqual([]);
  expect(keys(owned({ apiVersion: 'v1' }))).toEqual([]);
  expect(keys(widget('c'))).toEqual([]);
});
