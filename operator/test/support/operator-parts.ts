/**
 * The parts of the operator that a test runs by itself: caches and the controller of servers, with the rights that ship and nothing more, and
 * with hubs that say anything.
 */
import { randomBytes, randomUUID } from 'node:crypto';

import type { Cluster } from '@quaymaster/cluster';
import { defaultRenderSettings, type ReportMessage, type ServerObservation } from '@quaymaster/crds';
import { silentLogger, systemClock } from 'quaymaster/base';

import {
  createEventRecorder,
  createKubeClient,
  createManager,
  createTransport,
  type Endpoint,
  fixedCredentials,
  type KubeClient,
  type Manager,
} from '../../src/kube/index.ts';
import { createServerController, type HubReports } from '../../src/server/index.ts';
import { createWorld, type World } from '../../src/world/index.ts';
import { operatorRbac } from '../../src/rbac/index.ts';
import { adminEndpoint } from './world.ts';

export const userAgent = 'server-test';

export interface OperatorParts extends AsyncDisposable {
  readonly manager: Manager;
  readonly world: World;
  readonly client: KubeClient;
  readonly hubs: SayingHubs;
}

export interface SayingHubs extends HubReports {
  /** One replica of the hub says this of its servers. */
  say(hub: string, servers: Readonly<Record<string, ServerObservation>>): void;
}

export async function runServers(cluster: Cluster): Promise<OperatorParts> {
  const transport = createTransport({ endpoint: await operatorEndpoint(cluster), clock: systemClock, userAgent });
  const client = createKubeClient(transport);
  const manager = createManager({ client, clock: systemClock, random: Math.random, logger: silentLogger });
  const settings = { ...defaultRenderSettings('0.0.0'), operatorNamespace: namespace };
  const world = createWorld({ manager, client, clock: systemClock, logger: silentLogger, settings, namespaces: [] });
  const hubs = sayingHubs();
  const events = createEventRecorder({
    client,
    clock: systemClock,
    logger: silentLogger,
    controller: 'quaymaster.dev/operator',
    instance: 'test',
    newId: () => randomUUID().slice(0, 8),
  });
  const common = { client, clock: systemClock, logger: silentLogger, settings, events, randomBytes };
  manager.addController(createServerController({ ...common, world, control: hubs, rotationStepMs: 1_000 }));
  const ending = new AbortController();
  const running = manager.run(ending.signal);
  return {
    manager,
    world,
    client,
    hubs,
    async [Symbol.asyncDispose]() {
      ending.abort();
      await running;
      await events.flush();
      await transport.close();
    },
  };
}

const namespace = 'quaymaster-system';
const name = 'operator';

/** A ServiceAccount with exactly the rights of the chart, cluster-wide. */
async function operatorEndpoint(cluster: Cluster): Promise<Endpoint> {
  const { clusterRules, namespaceRules, ownNamespaceRules } = operatorRbac();
  const rbac = 'rbac.authorization.k8s.io';
  const subjects = [{ kind: 'ServiceAccount', name, namespace }];
  const role = (kind: string, metadata: object, rules: readonly unknown[]) => [
    { apiVersion: `${rbac}/v1`, kind, metadata, rules },
    { apiVersion: `${rbac}/v1`, kind: `${kind}Binding`, metadata, subjects, roleRef: { apiGroup: rbac, kind, name } },
  ];
  const objects = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } },
    ...role('ClusterRole', { name }, [...clusterRules, ...namespaceRules]),
    ...role('Role', { name, namespace }, ownNamespaceRules),
  ];
  await cluster.apply(objects.map((object) => JSON.stringify(object)).join('\n---\n'));
  const token = (await cluster.kubectl(['create', 'token', name, '-n', namespace, '--duration=1h'])).trim();
  const admin = await adminEndpoint(cluster);
  const { ca } = await admin.credentials.tls();
  return { ...admin, credentials: fixedCredentials(token, { ca }) };
}

function sayingHubs(): SayingHubs {
  const said = new Map<string, ReportMessage>();
  const listeners = new Set<(hub: string, what: 'state' | 'load') => void>();
  return {
    say(hub, servers) {
      const entries = Object.entries(servers).map(([key, observed]) => [key, { observed, inFlight: 0, waiting: 0 }]);
      said.set(hub, {
        type: 'report',
        load: { inFlight: 0, sessions: 0, streams: 0, eventLoop: 0 },
        catalogHash: '',
        tools: 0,
        problems: [],
        servers: Object.fromEntries(entries),
      });
      for (const listener of listeners) listener(hub, 'state');
    },
    replicas(hub) {
      const report = said.get(hub);
      return report === undefined ? [] : [{ pod: { uid: 'r1' }, report }];
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
