/**
 * The objects a hub owns, beside its Secrets: what is rendered is applied, what is rendered no more is deleted.
 *
 * The record of what was applied is the cluster itself: everything in the caches that this hub controls. A name is looked at before anything is
 * created under it, because caches hold only what carries our labels, and applying over a stranger's object would take it from its owner.
 */
import {
  type ConditionDraft,
  draft,
  type KubeObject as Rendered,
  type HubOutcome,
  renderHub,
  type RenderSettings,
} from '@quaymaster/crds';

import {
  type Applier,
  applySet,
  inventoryEntry,
  isStatus,
  type KubeClient,
  type KubeObject,
  makeKey,
  type Resource,
  type StoreReader,
  type Wanted,
} from '../kube/index.ts';
import { resources, type World } from '../world/index.ts';
import { NameTakenError, problemOf } from './failures.ts';
import { ownership } from './ownership.ts';
import type { Problem } from './status.ts';

export interface ObjectsResult {
  readonly problems: readonly Problem[];
  readonly observed: readonly ConditionDraft[];
  /** What passes by itself; thrown again once the status is written. */
  readonly errors: readonly unknown[];
  /** The cache is behind: look again shortly. */
  readonly unsettled: boolean;
}

export interface ObjectsDeps {
  readonly world: World;
  readonly client: KubeClient;
  readonly applier: Applier;
  readonly settings: RenderSettings;
}

interface OwnedKind {
  readonly resource: Resource;
  readonly store: StoreReader<KubeObject>;
}

export async function applyObjects(
  deps: ObjectsDeps,
  hub: KubeObject,
  outcome: HubOutcome,
  signal: AbortSignal,
): Promise<ObjectsResult> {
  const { world, client, applier, settings } = deps;
  const kinds = ownedKinds(world);
  const rendered = renderHub({
    outcome,
    settings,
    autoscaled: world.stores.deployments
      .byIndex('owner', hub.metadata.uid ?? '')
      .some((deployment) => deployment.replicasOwner !== undefined),
  });
  // Nothing is rendered where a template cannot be used: what runs stays.
  if (rendered.objects.length === 0) {
    return { problems: [], observed: rendered.problems, errors: [], unsettled: false };
  }
  const problems: Problem[] = [];
  const errors: unknown[] = [];
  const observed = [...rendered.problems];
  const wanted: Wanted[] = [];
  let unsettled = false;
  const failed = (error: unknown, resource: Resource, name: string): void => {
    const problem = problemOf(error, resource, name);
    if (problem === undefined) errors.push(error);
    else problems.push(problem);
  };
  for (const object of rendered.objects) {
    const kind = kinds.get(object.kind);
    if (kind === undefined) continue;
    if (kind.resource === resources.httpRoutes && !world.gatewayServed) {
      observed.push(draft('ResolvedRefs', 'GatewayApiMissing'));
      continue;
    }
    try {
      const live = kind.store.get(keyOf(object)) ?? (await standing(client, kind.resource, object, signal));
      const whose = live === undefined ? 'own' : ownership(live, hub);
      if (whose === 'foreign') throw new NameTakenError(kind.resource, object.metadata.name);
      if (whose === 'former') unsettled = true;
      else wanted.push({ resource: kind.resource, object, live });
    } catch (error) {
      failed(error, kind.resource, object.metadata.name);
    }
  }
  const complete = errors.length === 0 && problems.length === 0 && !unsettled;
  const result = await applySet(
    applier,
    client,
    {
      wanted,
      previous: complete ? standingObjects(kinds, hub) : [],
      resources: [...kinds.values()].map(({ resource }) => resource),
    },
    signal,
  );
  for (const { wanted: one, error } of result.failed) failed(error, one.resource, one.object.metadata.name);
  unsettled ||= result.unsettled;
  return { problems, observed, errors, unsettled };
}

/** What stands under the name although no cache holds it. */
async function standing(
  client: KubeClient,
  resource: Resource,
  { metadata }: Rendered,
  signal: AbortSignal,
): Promise<KubeObject | undefined> {
  try {
    return await client.get(resource, metadata.namespace, metadata.name, signal);
  } catch (error) {
    if (isStatus(error, 404)) return undefined;
    throw error;
  }
}

function standingObjects(kinds: ReadonlyMap<string, OwnedKind>, hub: KubeObject) {
  return [...kinds.values()].flatMap(({ store }) =>
    store
      .byIndex('owner', hub.metadata.uid ?? '')
      .filter((object) => object.metadata.deletionTimestamp === undefined)
      .map(inventoryEntry),
  );
}

function ownedKinds({ stores }: World): ReadonlyMap<string, OwnedKind> {
  const kinds: readonly OwnedKind[] = [
    { resource: resources.serviceAccounts, store: stores.serviceAccounts },
    { resource: resources.networkPolicies, store: stores.networkPolicies },
    { resource: resources.services, store: stores.services },
    { resource: resources.disruptionBudgets, store: stores.disruptionBudgets },
    { resource: resources.deployments, store: stores.deployments },
    { resource: resources.httpRoutes, store: stores.httpRoutes },
    { resource: resources.ingresses, store: stores.ingresses },
  ];
  return new Map(kinds.map((kind) => [kind.resource.kind, kind]));
}

function keyOf({ metadata }: Rendered): string {
  return makeKey(metadata.namespace, metadata.name);
}
