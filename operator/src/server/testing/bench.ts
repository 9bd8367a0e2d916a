/** The controller of servers on a cluster in memory, in namespace `n`, with a clock that stands still until a test moves it. */
import { type Condition, defaultRenderSettings, type McpServerStatus } from '@quaymaster/crds';
import { createTestClock, silentLogger } from 'quaymaster/base';

import type { EventInput, KubeObject } from '../../kube/index.ts';
import { resources, type World } from '../../world/index.ts';
import { createFakeCluster, createTestWorld, type FakeCluster, lead } from '../../world/testing/index.ts';
import { createServerController } from '../index.ts';
import { createFakeReports, type FakeReports } from './reports.ts';

export const npm = { source: { npm: { package: 'x', version: '1.0.0' } } };
export const remote = { source: { remote: { url: 'https://mcp.example' } } };
export const ready = {
  phase: 'Ready',
  serverInfo: { name: 'x', version: '1' },
  era: 'modern',
  toolsHash: 't1',
} as const;
export const podLabels = { 'app.kubernetes.io/managed-by': 'quaymaster', 'quaymaster.dev/server': 'a' };

type Kind = keyof typeof resources;

export interface Bench {
  readonly cluster: FakeCluster;
  readonly control: FakeReports;
  readonly events: EventInput[];
  /** After `start`. */
  readonly world: World;
  now(): number;
  start(): Promise<void>;
  /** Time goes on, in steps. */
  settle(ms?: number): Promise<void>;
  put(kind: Kind, name: string, rest?: object, metadata?: object): KubeObject;
  /** Server `a`. */
  putServer(spec?: object, metadata?: object): KubeObject;
  putHub(name?: string, spec?: object): KubeObject;
  putPod(status: object): KubeObject;
  /** The Deployment of server `a` has all Pods it wants. */
  deploymentReady(): void;
  live(kind: Kind, name: string): (KubeObject & Readonly<Record<string, unknown>>) | undefined;
  statusOf(): McpServerStatus;
  condition(type: string): Condition | undefined;
  /** `{Ready: 'True/Ready', ...}` */
  short(): Readonly<Record<string, string>>;
  tokens(): { readonly token?: string; readonly previous?: string };
  /** `apply Deployment/a-server`, without the operator's own. */
  written(): readonly string[];
}

export function createBench(): Bench {
  const cluster = createFakeCluster();
  const clock = createTestClock();
  const control = createFakeReports();
  const events: EventInput[] = [];
  const world = createTestWorld(cluster, clock);
  let bytes = 0;
  const controller = createServerController({
    world,
    control,
    client: cluster.client,
    clock,
    logger: silentLogger,
    settings: defaultRenderSettings('1.2.3'),
    events: { record: (event) => void events.push(event), flush: async () => {}, pending: 0 },
    randomBytes: (size) => Buffer.alloc(size, ++bytes),
    workers: 2,
    rotationStepMs: 10_000,
  });
  const bench: Bench = {
    cluster,
    control,
    events,
    world,
    now: () => clock.now(),
    async start() {
      await lead(cluster, clock);
      controller.start();
      await bench.settle();
    },
    async settle(ms = 300) {
      for (let turn = 0; turn < 15; turn++) await clock.advance(ms / 15);
    },
    put: (kind, name, rest = {}, metadata = {}) =>
      cluster.put(resources[kind], { metadata: { name, namespace: 'n', ...metadata }, ...rest }),
    putServer: (spec = npm, metadata = {}) => bench.put('servers', 'a', { spec }, metadata),
    putHub: (name = 'h', spec = {}) =>
      bench.put('hubs', name, { spec: { servers: { selector: {} }, auth: { mode: 'none' }, ...spec } }),
    putPod: (status) => bench.put('pods', 'a-server-1', { status }, { labels: podLabels }),
    deploymentReady() {
      const observedGeneration = bench.live('deployments', 'a-server')?.metadata.generation;
      const counts = { replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1 };
      bench.put('deployments', 'a-server', { status: { observedGeneration, ...counts } });
    },
    live: (kind, name) => cluster.get(resources[kind], `n/${name}`),
    statusOf: () => (bench.live('servers', 'a')?.status ?? {}) as McpServerStatus,
    condition: (type) =>
      (bench.statusOf().conditions as readonly Condition[] | undefined)?.find((each) => each.type === type),
    short: () =>
      Object.fromEntries(
        (bench.statusOf().conditions ?? []).map((each) => [each.type, `${each.status}/${each.reason}`]),
      ),
    tokens: () => (bench.live('secrets', 'a-bridge')?.['data'] ?? {}) as ReturnType<Bench['tokens']>,
    written: () =>
      cluster.writes
        .map(({ verb, resource, name }) => `${verb} ${resource.kind}/${name}`)
        .filter((each) => !each.endsWith('-checksums')),
  };
  return bench;
}
