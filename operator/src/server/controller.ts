/**
 * The controller of McpServers: which changes wake which server, and what its steps work with.
 *
 * An edit of a manifest comes at once. What follows from it (its objects, Pods, the words of hubs) comes in swarms and waits a moment for the
 * rest of the swarm, then behind what waits already: when a thousand servers begin together, all have their objects before the first of
 * them is looked at for the twentieth time.
 */
import {
  type Controller,
  createApplier,
  createController,
  createStatusWriter,
  createWriteTracker,
  type KeysOf,
  type KubeObject,
  makeKey,
  ownerKeys,
  priorities,
  type StoreReader,
} from '../kube/index.ts';
import type { OwnedKind } from '../owned/index.ts';
import { resources } from '../world/index.ts';
import { createAutoscalers } from './autoscalers.ts';
import { createBridgeTokens } from './bridge-token.ts';
import { createEndings } from './endings.ts';
import { createHubFeed } from './hub-feed.ts';
import { createOrphans } from './orphans.ts';
import { reconcileServer, type Steps } from './reconcile.ts';
import { createRetirement } from './retire.ts';
import { createStatusStep } from './status.ts';
import type { ServerControllerDeps } from './types.ts';

/** Field managers, one per concern. */
const childManager = 'quaymaster-operator';
const statusManager = 'quaymaster-operator-status';
const hashAnnotation = 'quaymaster.dev/render-hash';

/** How long a swarm is waited for. */
const swarmMs = 100;

export function createServerController(deps: ServerControllerDeps): Controller {
  const { world, control, client, clock, logger, settings } = deps;
  const { stores } = world;
  const tracker = createWriteTracker({ clock });
  const kinds: readonly OwnedKind[] = [
    { resource: resources.serviceAccounts, store: stores.serviceAccounts },
    { resource: resources.networkPolicies, store: stores.networkPolicies },
    { resource: resources.services, store: stores.services },
    { resource: resources.disruptionBudgets, store: stores.disruptionBudgets },
    { resource: resources.deployments, store: stores.deployments },
    { resource: resources.secrets, store: stores.secrets },
  ];
  const owned = {
    client,
    tracker,
    kinds,
    applier: createApplier({ client, manager: childManager, hashAnnotation, tracker }),
  };
  const controller = createController({
    name: 'mcpserver',
    reconcile: (key, signal) => reconcileServer(steps, key, signal),
    clock,
    logger,
    ...(deps.metrics === undefined ? {} : { metrics: deps.metrics }),
    workers: deps.workers ?? 8,
  });
  const { queue } = controller;
  const follow = (key: string): void => {
    queue.add(key, { priority: priorities.background, afterMs: swarmMs });
  };
  const onSwarm = <T extends KubeObject>(store: StoreReader<T>, keysOf: KeysOf<T>): void => {
    store.subscribe((change) => {
      const keys = new Set(keysOf(change.object));
      if (change.type === 'updated') for (const key of keysOf(change.before)) keys.add(key);
      for (const key of keys) follow(key);
    });
  };
  const feed = createHubFeed({ control, clock, notify: follow });
  const steps: Steps = {
    world,
    control,
    settings,
    owned,
    bridges: createBridgeTokens({
      world,
      client,
      clock,
      manager: childManager,
      randomBytes: deps.randomBytes,
      ...(deps.rotationStepMs === undefined ? {} : { stepMs: deps.rotationStepMs }),
    }),
    autoscalers: createAutoscalers(client, clock),
    retirement: createRetirement({ world, control, owned, clock }),
    orphans: createOrphans({ client, clock, kinds }),
    endings: createEndings(clock),
    clock,
    feed,
    status: createStatusStep({
      writer: createStatusWriter({ client, manager: statusManager, tracker }),
      events: deps.events,
      clock,
    }),
  };

  world.onChange('server', (key, initial) =>
    queue.add(key, { priority: initial ? priorities.background : priorities.edit }),
  );
  for (const { resource, store } of [...kinds, { resource: resources.servers, store: stores.servers }])
    tracker.follow(resource, store);
  stores.servers.subscribe((change) => {
    const declared =
      change.type !== 'updated' || change.object.metadata.generation !== change.before.metadata.generation;
    const initial = change.type !== 'removed' && change.initial;
    if (declared) queue.add(change.key, { priority: initial ? priorities.background : priorities.edit });
    // Mostly the status that was written here.
    else follow(change.key);
  });
  for (const { store } of kinds) onSwarm(store, serverKeys);
  onSwarm(stores.pods, serverKeys);
  return {
    ...controller,
    start() {
      feed.begin();
      controller.start();
    },
  };
}

const byOwner = ownerKeys('quaymaster.dev', 'McpServer');

/** By owner and by label: either may have been taken away by hand. */
function serverKeys(object: KubeObject): readonly string[] {
  const label = object.metadata.labels?.['quaymaster.dev/server'];
  return label === undefined ? byOwner(object) : [...byOwner(object), makeKey(object.metadata.namespace, label)];
}
