/**
 * One client that follows Widgets in a process of its own, so that whatever becomes of it (death included) can be seen from outside.
 * Prints one JSON line per state of its cache and per change; takes `report` and `end` as lines of input.
 *
 * Arguments: client (`kube`, `client-node`, `client-node-restart`), kubeconfig, mode (`follow`, `count`, `throw`, `stop`, `gets`).
 */
import { createInterface } from 'node:readline';

import { silentLogger, systemClock } from 'quaymaster/base';

import {
  createDiscovery,
  createKubeClient,
  createReflector,
  createStore,
  createTransport,
  loadKubeconfig,
  stripBookkeeping,
} from '../../src/kube/index.ts';
import { sleep, widgets } from './world.ts';

const [client = 'kube', kubeconfig = '', mode = 'follow'] = process.argv.slice(2);
const path = '/apis/kube.test/v1/widgets';
const uids = new Map<string, string>();

function say(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

function changed(type: string, name: string, uid: string): void {
  if (type === 'removed') uids.delete(name);
  else uids.set(name, uid);
  // Texts of thousands of names would be most of the memory that is measured.
  if (mode === 'count') return;
  say({ change: type, name, cache: [...uids.keys()].toSorted().join() });
  if (mode === 'throw') throw new Error('a handler with a fault');
}

interface Follower {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** 200 reads, ten at a time. */
  gets(): Promise<void>;
}

async function kubeFollower(): Promise<Follower> {
  // The silence limit of the other client, so that rows compare; the default is 150 s, with bookmarks every minute.
  const limits = { idleMs: 30_000 };
  const endpoint = await loadKubeconfig({ paths: [kubeconfig], clock: systemClock });
  const transport = createTransport({ endpoint, clock: systemClock, userAgent: 'faults' });
  const store = createStore({ transform: stripBookkeeping });
  store.subscribe((change) => changed(change.type, change.object.metadata.name, change.object.metadata.uid ?? ''));
  const discovery = createDiscovery(transport, systemClock);
  const api = createKubeClient(transport);
  const reflector = createReflector({
    client: api,
    discovery,
    resource: widgets,
    store,
    clock: systemClock,
    random: Math.random,
    logger: silentLogger,
    limits,
  });
  return {
    start: () => {
      reflector.start();
      return Promise.resolve();
    },
    stop: () => reflector.stop(),
    async gets() {
      for (let i = 0; i < 20; i++)
        await Promise.all(Array.from({ length: 10 }, () => api.get(widgets, 'default', 'a')));
    },
  };
}

async function clientNodeFollower(restart: boolean): Promise<Follower> {
  const k8s = await import('@kubernetes/client-node');
  const config = new k8s.KubeConfig();
  config.loadFromFile(kubeconfig);
  const api = config.makeApiClient(k8s.CustomObjectsApi);
  const list = () =>
    api.listClusterCustomObject({ group: 'kube.test', version: 'v1', plural: 'widgets' }) as Promise<never>;
  const informer = k8s.makeInformer<{ metadata?: { name?: string; uid?: string } }>(config, path, list);
  const names = { add: 'added', update: 'updated', delete: 'removed' } as const;
  for (const verb of ['add', 'update', 'delete'] as const) {
    informer.on(verb, (object) => changed(names[verb], object.metadata?.name ?? '', object.metadata?.uid ?? ''));
  }
  informer.on('error', () => {
    // As its own example does.
    if (restart) setTimeout(() => void informer.start().catch(() => {}), 5000);
  });
  return {
    start: () => informer.start(),
    stop: () => informer.stop(),
    async gets() {
      const get = () =>
        api.getNamespacedCustomObject({
          group: 'kube.test',
          version: 'v1',
          plural: 'widgets',
          namespace: 'default',
          name: 'a',
        });
      for (let i = 0; i < 20; i++) await Promise.all(Array.from({ length: 10 }, get));
    },
  };
}

const alive = setInterval(() => {}, 1000);
const follower = client === 'kube' ? await kubeFollower() : await clientNodeFollower(client === 'client-node-restart');
if (mode === 'gets') {
  const started = performance.now();
  const cpu = process.cpuUsage();
  await follower.gets();
  const { user, system } = process.cpuUsage(cpu);
  say({ gets: Math.round(performance.now() - started), cpu: Math.round((user + system) / 1000) });
} else if (mode === 'stop') {
  void follower.start().catch(() => {});
  await sleep(30);
  await follower.stop();
  say({ stopped: true });
} else {
  void follower.start().catch((error: unknown) => say({ startFailed: String(error) }));
}

for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'end') break;
  if (line === 'report') {
    const { user, system } = process.cpuUsage();
    const { rss, heapUsed } = process.memoryUsage();
    say({
      report: true,
      objects: uids.size,
      rss: Math.round(rss / 2 ** 20),
      heap: Math.round(heapUsed / 2 ** 20),
      cpu: Math.round((user + system) / 1000),
    });
  }
}
clearInterval(alive);
process.exit(0);
