/** The objects a hub owns, beside its Secrets: what is rendered is applied, what is rendered no more is deleted. */
import {
  type ConditionDraft,
  draft,
  type HubOutcome,
  ownLabels,
  renderHub,
  type RenderSettings,
} from '@quaymaster/crds';

import type { KubeObject } from '../kube/index.ts';
import { applyOwned, type OwnedDeps, type OwnedKind, type Problem } from '../owned/index.ts';
import { resources, type World } from '../world/index.ts';

export interface ObjectsResult {
  readonly problems: readonly Problem[];
  readonly observed: readonly ConditionDraft[];
  /** What passes by itself; thrown once the status is written. */
  readonly errors: readonly unknown[];
  /** The cache is behind: look again shortly. */
  readonly unsettled: boolean;
}

export interface ObjectsDeps {
  readonly world: World;
  readonly owned: OwnedDeps;
  readonly settings: RenderSettings;
}

/** Kinds a hub owns. Its Secrets have a life of their own. */
export function ownedKinds({ stores }: World): readonly OwnedKind[] {
  return [
    { resource: resources.serviceAccounts, store: stores.serviceAccounts },
    { resource: resources.networkPolicies, store: stores.networkPolicies },
    { resource: resources.services, store: stores.services },
    { resource: resources.disruptionBudgets, store: stores.disruptionBudgets },
    { resource: resources.deployments, store: stores.deployments },
    { resource: resources.httpRoutes, store: stores.httpRoutes },
    { resource: resources.ingresses, store: stores.ingresses },
  ];
}

export async function applyObjects(
  { world, owned, settings }: ObjectsDeps,
  hub: KubeObject,
  outcome: HubOutcome,
  signal: AbortSignal,
): Promise<ObjectsResult> {
  const deployments = world.stores.deployments.byIndex('owner', hub.metadata.uid ?? '');
  const autoscaled = deployments.some((deployment) => deployment.replicasOwner !== undefined);
  const rendered = renderHub({ outcome, settings, autoscaled });
  const observed = [...rendered.problems];
  // Nothing is rendered where a template cannot be used: what runs stays.
  if (rendered.objects.length === 0) return { problems: [], observed, errors: [], unsettled: false };
  const routeless = !world.gatewayServed && rendered.objects.some(isRoute);
  if (routeless) observed.push(draft('ResolvedRefs', 'GatewayApiMissing'));
  const objects = routeless ? rendered.objects.filter((object) => !isRoute(object)) : rendered.objects;
  const labels = ownLabels('hub', outcome.name);
  return { ...(await applyOwned(owned, { owner: hub, labels, objects }, signal)), observed };
}

function isRoute({ kind }: { readonly kind: string }): boolean {
  return kind === resources.httpRoutes.kind;
}
