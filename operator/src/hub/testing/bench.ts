/**
 * The controller of hubs on a cluster in memory, in namespace `n`, with a clock that stands still until a test moves it; what replicas would say
 * on their streams is said by the test.
 */
import {
  type Condition,
  defaultRenderSettings,
  type HubDocument,
  type McpHubStatus,
  type ReportMessage,
} from '@quaymaster/crds';
import { createTestClock, silentLogger, type TestClock } from 'quaymaster/base';

import type { HubPublication, HubReplica } from '../../control/index.ts';
import type { Controller, EventInput, KubeObject } from '../../kube/index.ts';
import { resources, type World } from '../../world/index.ts';
import { createFakeCluster, createTestWorld, type FakeCluster, lead } from '../../world/testing/index.ts';
import { documentIn } from '../generation.ts';
import { createHubController } from '../index.ts';

type Kind = keyof typeof resources;
type Listener = (hub: string, what: 'state' | 'load') => void;

const npm = { npm: { package: 'x', version: '1.0.0' } };
const labels = { 'app.kubernetes.io/managed-by': 'quaymaster', 'quaymaster.dev/hub': 'h' };

export interface HubBench {
  readonly cluster: FakeCluster;
  readonly clock: TestClock;
  /** Of the last start, like `controller`. */
  readonly world: World;
  readonly controller: Controller;
  readonly events: EventInput[];
  readonly published: HubPublication[];
  readonly forgotten: string[];
  /** Replicas with a stream. */
  replicas: HubReplica[];
  readonly listeners: Set<Listener>;
  readonly authorities: Set<() => void>;
  ca: string;
  put(kind: Kind, name: string, rest?: object, metadata?: object): KubeObject;
  putServer(name?: string, source?: object, metadata?: object): KubeObject;
  putHub(spec?: object, metadata?: object, name?: string): KubeObject;
  /** Of hub `h`; ready unless told otherwise. */
  putPod(name: string, status?: { readonly ready?: boolean; readonly [field: string]: unknown }): KubeObject;
  live(
    kind: Kind,
    name: string,
  ): (KubeObject & { readonly data?: Readonly<Record<string, string>>; readonly status?: unknown }) | undefined;
  statusOf(name?: string): McpHubStatus;
  condition(type: string, name?: string): Condition | undefined;
  /** `{Ready: 'True/Ready', ...}` */
  short(name?: string): Readonly<Record<string, string>>;
  /** `apply Deployment/h-hub`, without the operator's own. */
  written(): readonly string[];
  uidOf(pod: string): string;
  /** The one in the config Secret. */
  document(): HubDocument;
  /** Replica `pod` has a stream and runs what was published last, or says otherwise. */
  say(pod: string, over?: Partial<HubReplica>, phase?: 'Ready' | 'Starting' | 'Degraded'): void;
  /** Time goes on, in steps. */
  settle(ms?: number): Promise<void>;
  /** A new leader. */
  start(): Promise<void>;
  /** Two replicas that run what they should. */
  serving(): Promise<void>;
  /** Hub `h` in front of server `a`, and a leader. */
  startHub(): Promise<void>;
  /** The same, with two replicas that run what they should. */
  startServing(): Promise<void>;
}

export function createHubBench(): HubBench {
  const cluster = createFakeCluster();
  const clock = createTestClock();
  let world: World | undefined;
  let controller: Controller | undefined;
  const bench: HubBench = {
    cluster,
    clock,
    get world() {
      return started(world);
    },
    get controller() {
      return started(controller);
    },
    events: [],
    published: [],
    forgotten: [],
    replicas: [],
    listeners: new Set(),
    authorities: new Set(),
    ca: 'PEM 1',
    put: (kind, name, rest = {}, metadata = {}) =>
      cluster.put(resources[kind], { metadata: { name, namespace: 'n', ...metadata }, ...rest }),
    putServer: (name = 'a', source = npm, metadata = {}) => bench.put('servers', name, { spec: { source } }, metadata),
    putHub(spec = {}, metadata = {}, name = 'h') {
      const whole = { servers: { selector: {} }, auth: { mode: 'none' }, replicas: 2, ...spec };
      return bench.put('hubs', name, { spec: whole }, metadata);
    },
    putPod(name, { ready = true, ...rest } = {}) {
      const conditions = [{ type: 'Ready', status: ready ? 'True' : 'False' }];
      const status = { phase: 'Running', podIP: `10.0.0.${name.length}`, conditions, ...rest };
      return bench.put('pods', name, { status }, { labels });
    },
    live: (kind, name) => cluster.get(resources[kind], `n/${name}`),
    statusOf: (name = 'h') => (bench.live('hubs', name)?.status ?? {}) as McpHubStatus,
    condition: (type, name = 'h') =>
      (bench.statusOf(name).conditions as readonly Condition[] | undefined)?.find((each) => each.type === type),
    short: (name = 'h') =>
      Object.fromEntries(
        (bench.statusOf(name).conditions ?? []).map((each) => [each.type, `${each.status}/${each.reason}`]),
      ),
    written: () =>
      cluster.writes
        .filter(({ name }) => !name.endsWith('checksums'))
        .map(({ verb, resource, name }) => `${verb} ${resource.kind}/${name}`),
    uidOf: (pod) => bench.live('pods', pod)?.metadata.uid ?? '',
    document() {
      const found = documentIn(bench.live('secrets', 'h-config')?.data);
      if (found === undefined) throw new Error('no document');
      return found;
    },
    say: (pod, over = {}, phase = 'Ready') => say(bench, pod, over, phase),
    async settle(ms = 600) {
      for (let turn = 0; turn < 30; turn++) await clock.advance(ms / 30);
    },
    async start() {
      world = createTestWorld(cluster, clock);
      controller = controllerOf(bench);
      await lead(cluster, clock);
      controller.start();
      await bench.settle();
    },
    async serving() {
      bench.putPod('p1');
      bench.putPod('p22');
      await bench.settle();
      bench.say('p1');
      bench.say('p22');
      await bench.settle();
    },
    async startHub() {
      bench.putServer();
      bench.putHub();
      await bench.start();
    },
    async startServing() {
      await bench.startHub();
      await bench.serving();
    },
  };
  return bench;
}

function started<T>(part: T | undefined): T {
  if (part === undefined) throw new Error('start() comes first');
  return part;
}

function controllerOf(bench: HubBench): Controller {
  const { world, cluster, clock, published, forgotten, listeners, authorities, events } = bench;
  let bytes = 0;
  return createHubController({
    world,
    control: {
      publish: (_hub, state) => void published.push(state),
      forget: (hub) => void forgotten.push(hub),
      replicas: () => bench.replicas,
      onChange(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    authority: {
      ca: () => bench.ca,
      onChange(listener) {
        authorities.add(listener);
        return () => authorities.delete(listener);
      },
    },
    client: cluster.client,
    clock,
    logger: silentLogger,
    settings: { ...defaultRenderSettings('1.2.3'), allowAnonymousExposure: true },
    events: { record: (event) => void events.push(event), flush: async () => {}, pending: 0 },
    randomBytes: (size) => Buffer.alloc(size, ++bytes),
    workers: 2,
    sealing: { announceMs: 1000, keepMs: 5000 },
  });
}

function say(bench: HubBench, pod: string, over: Partial<HubReplica>, phase: 'Ready' | 'Starting' | 'Degraded'): void {
  const { hash = '', generation = 0, config } = bench.published.at(-1)?.document ?? {};
  const servers = Object.fromEntries(
    (config?.servers ?? []).map(({ key }) => [key, { observed: { phase }, inFlight: 0, waiting: 0 }]),
  );
  const report: ReportMessage = {
    type: 'report',
    load: { inFlight: 0, sessions: 0, streams: 0, eventLoop: 0 },
    catalogHash: 'c',
    tools: 7,
    problems: [],
    servers,
  };
  bench.replicas = [
    ...bench.replicas.filter((each) => each.pod.name !== pod),
    {
      pod: { name: pod, uid: bench.uidOf(pod), ip: '' },
      version: '1',
      acknowledged: { hash, generation },
      report,
      connectedSince: bench.clock.now(),
      ...over,
    },
  ];
  for (const listener of bench.listeners) listener('n/h', 'state');
}
