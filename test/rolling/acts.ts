/** What moves under the load. Each resolves when everything has come to rest. */
import { setTimeout as pause } from 'node:timers/promises';

import { helmInstall, systemNamespace } from '../installed/index.ts';
import { until } from '../kit/index.ts';
import { hub, hubReplicas, pairs } from './manifests.ts';
import { killNine } from './processes.ts';
import { ofHub, ofServer, ours, type RollingWorld } from './world.ts';

/** Another image for all hubs and bridges, as far as a cluster can tell: the same one by its full name. The operator itself rolls with it. */
export async function upgrade(world: RollingWorld): Promise<void> {
  await helmInstall(world.cluster, { images: { hub: { repository: 'docker.io/quaymaster/hub' } } });
  await until(
    async () => (await world.pods(ofHub(hub))).every((pod) => pod.spec.containers[0]?.image.startsWith('docker.io/')),
    { because: 'all hubs run the other image', timeoutMs: 120_000, everyMs: 300 },
  );
  await world.atRest();
}

/** Another Pod template for the hubs alone. */
export async function rollHub(world: RollingWorld, name: string): Promise<void> {
  const before = await world.identities(ofHub(name));
  await world.patchHub(name, { template: { metadata: { annotations: { 'example.com/round': String(Date.now()) } } } });
  await replaced(world, ofHub(name), before);
}

/** Another environment for a server. */
export async function rollServer(world: RollingWorld, name: string): Promise<void> {
  const before = await world.identities(ofServer(name));
  await world.patchServer(name, { env: [{ name: 'ROUND', value: String(Date.now()) }] });
  await replaced(world, ofServer(name), before);
}

/** All of them are asked to go, as a node that is drained does; the budget lets them go one by one. */
export async function evictAll(world: RollingWorld, selector: string): Promise<void> {
  const before = await world.identities(selector);
  const pods = await world.pods(selector);
  await Promise.all(pods.map((pod) => world.evict(pod)));
  await replaced(world, selector, before);
}

/** Deleted one after the other, whatever a budget says. */
export async function deleteEach(world: RollingWorld, selector: string, names?: readonly string[]): Promise<void> {
  const all = (await world.pods(selector)).map(({ metadata }) => metadata.name);
  for (const name of names ?? all) {
    const before = await world.identities(selector);
    await world.cluster.kubectl(['delete', 'pod', name, '--wait=false']);
    await replaced(world, selector, before);
  }
}

const nodePath = '/api/v1/nodes';
/** Everything of which there is one. */
const single = `quaymaster.dev/hub notin (${hub}),quaymaster.dev/server notin (${pairs.join(',')}),${ours}`;

/**
 * `kubectl drain` for everything of which there is one. The only node takes Pods again as soon as all have been told to go, as another node
 * would.
 */
export async function drainSingles(world: RollingWorld): Promise<void> {
  const [node] = (await world.get<{ items: readonly { metadata: { name: string } }[] }>(nodePath)).items;
  if (node === undefined) throw new Error('no node');
  const before = await world.identities(single);
  const words = ['drain', node.metadata.name, `--pod-selector=${single}`, '--ignore-daemonsets', '--timeout=60s'];
  const draining = world.cluster.kubectl([...words, '--delete-emptydir-data']);
  const failing = draining.then(
    () => false,
    () => true,
  );
  try {
    await until(
      async () => (await world.pods(single)).every(({ metadata }) => !before.some((one) => one.includes(metadata.uid))),
      {
        because: 'all that is single was told to go',
        timeoutMs: 30_000,
        everyMs: 200,
      },
    );
  } finally {
    await world.cluster.kubectl(['uncordon', node.metadata.name]);
  }
  await failing;
  await draining;
  await world.atRest(single);
}

/** SIGKILL for the program of one hub Pod; its container is started again in the same Pod. */
export async function killHub(world: RollingWorld): Promise<void> {
  const pods = await world.pods(ofHub(hub));
  const victim = pods[0];
  if (victim === undefined || pods.length !== hubReplicas) throw new Error(`${pods.length} hubs`);
  const before = await world.identities(ofHub(hub));
  killNine(victim.metadata.uid, (command) => command.includes('qm.js'));
  await replaced(world, ofHub(hub), before);
}

/** SIGKILL for the child behind a bridge, which starts it again. */
export async function killChild(world: RollingWorld, server: string): Promise<void> {
  const [pod] = await world.pods(ofServer(server));
  if (pod === undefined) throw new Error(`no Pod of ${server}`);
  // The bridge names the program too, in its own command line.
  killNine(pod.metadata.uid, (command) => command.includes('kit-stdio') && !command.includes('qm.js'));
}

/** SIGKILL for the operator that leads; how long until the next change of configuration was acknowledged by all. */
export async function killLeader(world: RollingWorld): Promise<number> {
  const holder = await leader(world);
  const pods = await world.pods('app.kubernetes.io/name=quaymaster-operator', systemNamespace);
  const pod = pods.find(({ metadata }) => holder.includes(metadata.name));
  if (pod === undefined) throw new Error(`who is ${holder}?`);
  killNine(pod.metadata.uid, (command) => command.includes('operator.js'));
  const killed = performance.now();
  const { generation } = await world.observedConfig(hub);
  await world.patchServer('ls', { tools: { describe: { whoami: `after the leader ${Date.now()}` } } });
  await acknowledged(world, generation, 30_000);
  return performance.now() - killed;
}

/** No operator at all for so long; a change that is made meanwhile is caught up with. Resolves with how long that took. */
export async function withoutOperator(
  world: RollingWorld,
  ms: number,
  meanwhile: () => Promise<void>,
): Promise<number> {
  const scale = (replicas: number): Promise<string> =>
    world.cluster.kubectl(['-n', systemNamespace, 'scale', 'deployment/quaymaster-operator', `--replicas=${replicas}`]);
  const { generation } = await world.observedConfig(hub);
  await scale(0);
  await until(
    async () => (await world.allPods('app.kubernetes.io/name=quaymaster-operator', systemNamespace)).length === 0,
    {
      because: 'no operator is left',
      timeoutMs: 40_000,
      everyMs: 200,
    },
  );
  const since = performance.now();
  await world.patchServer('ms', { tools: { describe: { whoami: `while it was away ${Date.now()}` } } });
  await meanwhile();
  await pause(Math.max(0, ms - (performance.now() - since)));
  await scale(2);
  const back = performance.now();
  await acknowledged(world, generation, 60_000);
  return performance.now() - back;
}

async function leader(world: RollingWorld): Promise<string> {
  const path = `/apis/coordination.k8s.io/v1/namespaces/${systemNamespace}/leases/quaymaster-operator`;
  return (await world.get<{ spec: { holderIdentity: string } }>(path)).spec.holderIdentity;
}

async function acknowledged(world: RollingWorld, after: number, timeoutMs: number): Promise<void> {
  await until(
    async () => {
      const { complete, generation } = await world.observedConfig(hub);
      return complete && generation > after;
    },
    { because: `all replicas acknowledge what comes after generation ${after}`, timeoutMs, everyMs: 50 },
  );
}

/** None of `before` is there any more, and what is there is ready. */
async function replaced(world: RollingWorld, selector: string, before: readonly string[]): Promise<void> {
  await until(async () => (await world.identities(selector)).some((one) => !before.includes(one)), {
    because: `${selector} changes`,
    timeoutMs: 30_000,
    everyMs: 100,
  });
  await world.atRest(selector);
}
