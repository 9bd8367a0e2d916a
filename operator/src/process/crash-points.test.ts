/**
 * The making of one hub and its servers, broken at every single write: refused, lost on its way back, or the last thing a leader did before it
 * died. Whatever the place and the kind, the end is the same, no generation means two contents, and no value of a Secret is made twice.
 */
import {
  type Condition,
  defaultRenderSettings,
  type HubDocument,
  loadValidator,
  type McpHubStatus,
  type ReportMessage,
} from '@quaymaster/crds';
import { createTestClock, silentLogger, type TestClock } from 'quaymaster/base';
import { expect, test } from 'vitest';

import type { HubReplica } from '../control/index.ts';
import { createHubController } from '../hub/index.ts';
import { canonicalJson, type KubeClient, KubeError, type KubeObject, type Resource } from '../kube/index.ts';
import { createServerController } from '../server/index.ts';
import { resources } from '../world/index.ts';
import { createFakeCluster, createTestWorld, type FakeCluster } from '../world/testing/index.ts';

type Break = 'refused' | 'answer lost' | 'dies before' | 'dies after';
type Live = KubeObject & { readonly data?: Readonly<Record<string, string>> };

const never = new Promise<never>(() => {});

/** A leader whose `nth` write breaks. Without `nth` none does. */
interface Life {
  readonly end: () => void;
  readonly dead: () => boolean;
}

interface Stage {
  readonly cluster: FakeCluster;
  readonly clock: TestClock;
  /** What replicas were told, in order, by every leader. */
  readonly documents: HubDocument[];
  writes: number;
}

function createStage(): Stage {
  return { cluster: createFakeCluster(), clock: createTestClock(), documents: [], writes: 0 };
}

function put(
  { cluster }: Stage,
  kind: keyof typeof resources,
  name: string,
  rest: object,
  metadata: object = {},
): void {
  cluster.put(resources[kind], { metadata: { name, namespace: 'n', ...metadata }, ...rest });
}

function all({ cluster }: Stage, resource: Resource): Promise<readonly Live[]> {
  return cluster.client
    .list(resource, { namespace: 'n' })
    .then(({ items }) => (items as readonly Live[]).toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1)));
}

/** Writes go through here; reads of a dead process find nothing out any more. */
function breaking(
  stage: Stage,
  nth: number | undefined,
  kind: Break,
  die: () => void,
  dead: () => boolean,
): KubeClient {
  const real = stage.cluster.client;
  const write = async <T>(act: () => Promise<T>): Promise<T> => {
    if (dead()) return await never;
    stage.writes += 1;
    if (stage.writes !== nth) return await act();
    if (kind === 'refused') throw new KubeError('KUBE_STATUS', 'etcd has no leader', { status: 500 });
    if (kind === 'dies before') {
      die();
      return await never;
    }
    await act();
    if (kind === 'answer lost') throw new KubeError('KUBE_NETWORK', 'the connection broke');
    die();
    return await never;
  };
  const read = async <T>(act: () => Promise<T>): Promise<T> => (dead() ? await never : await act());
  return {
    ...real,
    get: (...args: Parameters<KubeClient['get']>) => read(() => real.get(...args)),
    list: (...args) => read(() => real.list(...args)),
    create: (...args: Parameters<KubeClient['create']>) => write(() => real.create(...args)),
    merge: (...args: Parameters<KubeClient['merge']>) => write(() => real.merge(...args)),
    apply: (...args: Parameters<KubeClient['apply']>) => write(() => real.apply(...args)),
    delete: (...args) => write(() => real.delete(...args)),
  } as KubeClient;
}

async function pass({ clock }: Stage, ms: number): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await clock.advance(ms / 20);
}

async function lead(stage: Stage, nth?: number, kind: Break = 'refused'): Promise<Life> {
  const { cluster, clock } = stage;
  let isDead = false;
  const die = (): void => void (isDead = true);
  const client = breaking(stage, nth, kind, die, () => isDead);
  const world = createTestWorld(cluster, clock, { client });
  const listeners = new Set<(hub: string, what: 'state' | 'load') => void>();
  let published: HubDocument | undefined;
  let seed = stage.writes;
  const shared = {
    world,
    client,
    clock,
    logger: silentLogger,
    settings: defaultRenderSettings('1.2.3'),
    events: { record: () => {}, flush: async () => {}, pending: 0 },
    randomBytes: (size: number) => Buffer.alloc(size, ++seed),
    workers: 1,
    control: {
      publish(hub: string, { document }: { readonly document: HubDocument }) {
        if (isDead || published?.hash === document.hash) return;
        published = document;
        stage.documents.push(document);
        clock.after(5, () => {
          for (const listener of listeners) listener(hub, 'state');
        });
      },
      forget: () => {},
      replicas: () => (published === undefined ? [] : replicasOf(world.stores.pods.values(), published)),
      onChange(listener: (hub: string, what: 'state' | 'load') => void) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
  };
  const servers = createServerController(shared);
  const hubs = createHubController({ ...shared, authority: { ca: () => 'PEM', onChange: () => () => {} } });
  let leads = false;
  void cluster.lead().then(() => (leads = true));
  for (let turn = 0; turn < 200 && !leads; turn++) {
    await clock.advance(10);
    await new Promise(setImmediate);
  }
  // It may have died over the key of checksums.
  if (!isDead) {
    expect(leads).toBe(true);
    servers.start();
    hubs.start();
  }
  return {
    end() {
      isDead = true;
      servers.queue.abandon();
      hubs.queue.abandon();
    },
    dead: () => isDead,
  };
}

function replicasOf(pods: Iterable<KubeObject>, document: HubDocument): readonly HubReplica[] {
  const ready = { phase: 'Ready', serverInfo: { name: 'x', version: '1' }, era: 'modern', toolsHash: 't' } as const;
  const servers = Object.fromEntries(
    document.config.servers.map(({ key, runtimeHash }) => [
      key,
      { observed: ready, inFlight: 0, waiting: 0, runtimeHash },
    ]),
  );
  const load = { inFlight: 0, sessions: 0, streams: 0, eventLoop: 0 };
  const report: ReportMessage = { type: 'report', load, catalogHash: 'c', tools: 3, problems: [], servers };
  const { hash, generation } = document;
  return [...pods]
    .filter(({ metadata }) => metadata.labels?.['quaymaster.dev/hub'] !== undefined)
    .map(({ metadata }) => ({
      pod: { name: metadata.name, uid: metadata.uid ?? '', ip: '' },
      version: '1',
      acknowledged: { hash, generation },
      report,
      connectedSince: 0,
    }));
}

/** What other controllers of a cluster do: Deployments get their Pods, which are ready at once. */
async function follow(stage: Stage): Promise<void> {
  for (const { metadata, spec, kind } of await all(stage, resources.deployments)) {
    expect(kind).toBe('Deployment');
    const wanted = (spec as { readonly replicas?: number }).replicas ?? 1;
    const counts = { replicas: wanted, updatedReplicas: wanted, readyReplicas: wanted, availableReplicas: wanted };
    const status = { observedGeneration: metadata.generation, ...counts };
    put(stage, 'deployments', metadata.name, { status });
    for (let index = 0; index < wanted; index++) {
      const conditions = [{ type: 'Ready', status: 'True' }];
      const pod = { status: { phase: 'Running', podIP: '10.0.0.1', conditions } };
      put(stage, 'pods', `${metadata.name}-${index}`, pod, { labels: metadata.labels });
    }
  }
}

function declare(stage: Stage): void {
  put(stage, 'secrets', 'keys', { data: { token: 'c2VjcmV0' } });
  const env = [{ name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'keys', key: 'token' } } }];
  put(stage, 'servers', 'bridged', { spec: { source: { npm: { package: 'x', version: '1.0.0' } }, env } });
  put(stage, 'servers', 'http', {
    spec: { source: { image: { image: 'i' } }, transport: 'streamableHttp', http: { port: 80 } },
  });
  put(stage, 'hubs', 'h', { spec: { servers: { selector: {} }, auth: { mode: 'none' }, replicas: 2 } });
}

/** Everything that people and Pods see, without what differs between any two clusters. */
async function stateOf(stage: Stage): Promise<readonly string[]> {
  const kinds = [
    resources.deployments,
    resources.services,
    resources.serviceAccounts,
    resources.disruptionBudgets,
    resources.networkPolicies,
    resources.secrets,
    resources.servers,
    resources.hubs,
  ];
  const lines: string[] = [];
  for (const resource of kinds) {
    for (const { metadata, spec, status, data } of await all(stage, resource)) {
      const { conditions = [], ...facts } = (status ?? {}) as McpHubStatus;
      const owners = (metadata.ownerReferences ?? []).map(({ kind, name }) => `${kind}/${name}`);
      const states = (conditions as readonly Condition[]).map((each) => `${each.type}=${each.status}/${each.reason}`);
      const { observedConfig: _number, ...counts } = facts;
      const line = [
        resource.kind,
        metadata.name,
        metadata.labels,
        owners,
        spec,
        Object.keys(data ?? {}),
        counts,
        states,
      ];
      // The key of checksums is random.
      lines.push(canonicalJson(line).replace(/(?<=references":")[0-9a-f]+/, 'checksum'));
    }
  }
  return lines;
}

async function play(nth?: number, kind?: Break): Promise<{ readonly stage: Stage; readonly state: readonly string[] }> {
  const stage = createStage();
  declare(stage);
  let life = await lead(stage, nth, kind);
  for (let round = 0; round < 3; round++) {
    await pass(stage, 800);
    if (life.dead()) {
      life.end();
      life = await lead(stage);
    }
    await follow(stage);
  }
  await pass(stage, 12_000);
  const state = await stateOf(stage);
  life.end();
  return { stage, state };
}

// Its code is loaded once, and in real time.
await loadValidator();
const ordinary = await play();

test('undisturbed, all is Ready', () => {
  for (const name of ['bridged-server', 'http-server', 'h-hub', 'h-config', 'h-credentials', 'h-sealing'])
    expect(ordinary.state.join('')).toContain(`"${name}"`);
  expect(ordinary.state.filter((line) => line.includes('"Ready=True/Ready"'))).toHaveLength(3);
  expect(ordinary.stage.documents.at(-1)?.config.servers).toHaveLength(2);
  // The loops below are as long as this.
  expect(ordinary.stage.writes).toBeGreaterThan(20);
  expect(ordinary.stage.writes).toBeLessThan(60);
});

const places = Array.from({ length: ordinary.stage.writes }, (_, index) => index + 1);

test.each<Break>(['refused', 'answer lost', 'dies before', 'dies after'])(
  'HT-4.09 whichever write fails (%s), the end is the same',
  { timeout: 60_000 },
  async (kind) => {
    for (const nth of places) {
      const { stage, state } = await play(nth, kind);
      const where = `write ${nth}, ${kind}`;
      expect(
        state.filter((line) => !ordinary.state.includes(line)),
        where,
      ).toEqual([]);
      expect(state, where).toHaveLength(ordinary.state.length);
      const contents = new Map(stage.documents.map(({ generation, hash }) => [generation, hash]));
      for (const { generation, hash } of stage.documents) expect(contents.get(generation), where).toBe(hash);
      const secrets = await all(stage, resources.secrets);
      const valueOf = (name: string): readonly string[] =>
        Object.values(secrets.find((each) => each.metadata.name === name)?.data ?? {});
      // What hubs present is what the bridge takes.
      expect(valueOf('h-credentials'), where).toEqual(valueOf('bridged-bridge'));
    }
  },
);
