/**
 * The controller of McpHubs: what wakes a hub, and what its reconcile is made of.
 *
 * An edit of a manifest comes at once. Pods, endpoints, acknowledgements and drift come in swarms (a rollout touches everything of a hub within
 * a second), so they wait a moment for each other.
 */
import { apiGroup, type RenderSettings } from '@quaymaster/crds';
import type { Clock, Logger } from 'quaymaster/base';

import type { ControlAuthority, ControlServer } from '../control/index.ts';
import {
  type Controller,
  createApplier,
  createController,
  createStatusWriter,
  createWriteTracker,
  enqueueOn,
  type EventRecorder,
  type KeysOf,
  type KubeClient,
  type KubeObject,
  makeKey,
  type MetricSink,
  ownerKeys,
  priorities,
  type StoreReader,
} from '../kube/index.ts';
import { resources, type World } from '../world/index.ts';
import { createCredentialReader } from './credentials.ts';
import { ownedKinds } from './objects.ts';
import { createOwnedSecrets } from './owned-secrets.ts';
import { createReconcile } from './reconcile.ts';
import { type SealingTimes, sealingTimes } from './sealing.ts';
import { createSecretSteps } from './secrets.ts';
import { createStatusStep } from './write-status.ts';

export interface HubControllerDeps {
  readonly world: World;
  readonly control: Pick<ControlServer, 'publish' | 'forget' | 'replicas' | 'onChange'>;
  readonly authority: Pick<ControlAuthority, 'ca' | 'onChange'>;
  /** Guarded by the fence of the leader. */
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics?: MetricSink;
  readonly settings: RenderSettings;
  readonly events: EventRecorder;
  readonly randomBytes: (size: number) => Buffer;
  readonly workers?: number;
  readonly sealing?: SealingTimes;
}

/** Field managers: one for what is owned, one for status. */
const childManager = 'quaymaster-operator';
const statusManager = 'quaymaster-operator-status';
const hashAnnotation = 'quaymaster.dev/render-hash';
const managed = 'app.kubernetes.io/managed-by=quaymaster';

/** How long a swarm is waited for. */
const swarmMs = 40;
const acknowledgedMs = 10;

export function createHubController(deps: HubControllerDeps): Controller {
  const { world, control, client, clock, settings } = deps;
  const { stores } = world;
  const tracker = createWriteTracker({ clock });
  const kinds = ownedKinds(world);
  for (const { resource, store } of kinds) tracker.follow(resource, store);
  tracker.follow(resources.hubs, stores.hubs);
  const credentials = createCredentialReader({
    client,
    cache: stores.secrets,
    hashKey: deps.randomBytes(32),
    ownLabels: managed,
    clock,
  });
  const secrets = createSecretSteps({
    secrets: createOwnedSecrets({ client, cache: stores.secrets, manager: childManager, clock }),
    credentials,
    settings,
    clock,
    randomBytes: deps.randomBytes,
    ca: () => deps.authority.ca(),
    times: deps.sealing ?? sealingTimes,
  });
  const { reconcile } = createReconcile({
    world,
    control,
    clock,
    settings,
    secrets,
    owned: {
      client,
      tracker,
      kinds,
      applier: createApplier({ client, manager: childManager, hashAnnotation, tracker }),
    },
    writeStatus: createStatusStep({
      world,
      control,
      clock,
      settings,
      events: deps.events,
      statuses: createStatusWriter({ client, manager: statusManager, tracker }),
    }),
  });
  const controller = createController({
    name: 'hub',
    reconcile,
    clock,
    logger: deps.logger,
    workers: deps.workers ?? 4,
    ...(deps.metrics === undefined ? {} : { metrics: deps.metrics }),
  });
  const { queue } = controller;

  const later = (key: string, afterMs: number): void => {
    queue.add(key, { afterMs });
  };
  const onSwarm = <T extends KubeObject>(store: StoreReader<T>, keysOf: KeysOf<T>): void => {
    store.subscribe((change) => {
      // What is there already is covered: the hubs themselves are told of, too.
      if (change.type === 'added' && change.initial) return;
      const keys =
        change.type === 'updated' ? [...keysOf(change.object), ...keysOf(change.before)] : keysOf(change.object);
      for (const key of new Set(keys)) later(key, swarmMs);
    });
  };
  enqueueOn(stores.hubs, queue);
  world.onChange('hub', (key, initial) => {
    queue.add(key, { priority: initial ? priorities.background : priorities.edit });
  });
  const byOwner = ownerKeys(apiGroup, 'McpHub');
  for (const { store } of kinds) onSwarm(store, byOwner);
  onSwarm(stores.secrets, byOwner);
  onSwarm(stores.pods, labelled('quaymaster.dev/hub'));
  onSwarm(stores.endpointSlices, (slice) =>
    labelled('quaymaster.dev/server')(slice).flatMap((server) => hubsOf(world, server)),
  );
  stores.secrets.subscribe((change) => {
    if (change.type !== 'removed') return;
    credentials.forget(change.key);
    // A stranger's Secret that stood in the way, perhaps.
    for (const key of hubsNeeding(stores, change.object)) later(key, swarmMs);
  });
  control.onChange((key, what) => {
    if (what === 'state') later(key, acknowledgedMs);
  });
  deps.authority.onChange(() => {
    for (const key of stores.hubs.keys()) queue.add(key);
  });
  return controller;
}

function labelled(label: string): KeysOf<KubeObject> {
  return ({ metadata }) => {
    const name = metadata.labels?.[label];
    return name === undefined ? [] : [makeKey(metadata.namespace, name)];
  };
}

/** Keys of the hubs that offer a server. */
function hubsOf(world: World, server: string): readonly string[] {
  const [namespace = '', name = ''] = server.split('/');
  return world.namespace(namespace)?.server(name)?.hubs ?? [];
}

/** Hubs of the namespace that need a Secret of this name for themselves. */
function hubsNeeding({ hubs }: World['stores'], { metadata }: KubeObject): readonly string[] {
  const found: string[] = [];
  for (const suffix of ['-config', '-credentials', '-sealing']) {
    if (!metadata.name.endsWith(suffix)) continue;
    const key = makeKey(metadata.namespace, metadata.name.slice(0, -suffix.length));
    if (hubs.get(key) !== undefined) found.push(key);
  }
  return found;
}
