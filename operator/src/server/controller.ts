/** The controller of McpServers: which changes wake which server, and what its steps work with. */
import {
  type Controller,
  createApplier,
  createController,
  createStatusWriter,
  createWriteTracker,
  enqueueOn,
  type KubeObject,
  makeKey,
  ownerKeys,
  priorities,
} from '../kube/index.ts';
import type { OwnedKind } from '../owned/index.ts';
import { resources } from '../world/index.ts';
import { createAutoscalers } from './autoscalers.ts';
import { createBridgeTokens } from './bridge-token.ts';
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
  const wake = (key: string): void => void queue.add(key, { priority: priorities.edit });
  const feed = createHubFeed({ control, clock, notify: wake });
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
  enqueueOn(stores.servers, queue);
  for (const { store } of kinds) enqueueOn(store, queue, serverKeys);
  enqueueOn(stores.pods, queue, serverKeys);
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
