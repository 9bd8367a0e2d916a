/**
 * Makes the cluster hold what was rendered for one owner: applies what differs, deletes what is rendered no more.
 *
 * The record of what was applied is the cluster itself: everything in the caches that this owner controls. What the caches
 * do not know is made on the condition that there is nothing of that name, because they hold only what carries our labels, and applying over a
 * stranger's object would take it from whoever it belongs to. Only when there is something it is looked at. What cannot be applied does not
 * stop the others.
 */
import {
  type Applier,
  applySet,
  deleteExactly,
  inventoryEntry,
  isStatus,
  type KubeClient,
  type KubeObject,
  makeKey,
  type Resource,
  resourceName,
  type StoreReader,
  type Wanted,
  type WriteTracker,
} from '../kube/index.ts';
import { ownership } from './ownership.ts';
import { NameTakenError, type Problem, problemOf } from './refusals.ts';

export interface OwnedKind {
  readonly resource: Resource;
  /** With the index `owner`. */
  readonly store: StoreReader<KubeObject>;
}

export interface OwnedDeps {
  /** With the fence as guard. */
  readonly client: KubeClient;
  readonly applier: Applier;
  /** That of the applier. */
  readonly tracker: WriteTracker;
  readonly kinds: readonly OwnedKind[];
}

export interface OwnedRequest {
  readonly owner: KubeObject;
  /** All of what our objects for this owner carry. */
  readonly labels: Readonly<Record<string, string>>;
  readonly objects: readonly KubeObject[];
  /** Stays although it is not among `objects`. */
  readonly keep?: (object: KubeObject) => boolean;
}

export interface OwnedResult {
  readonly problems: readonly Problem[];
  /** What passes by itself. To be thrown once the status is written. */
  readonly errors: readonly unknown[];
  /** The cache is behind, or something is on its way out: look again shortly. */
  readonly unsettled: boolean;
}

export async function applyOwned(deps: OwnedDeps, request: OwnedRequest, signal?: AbortSignal): Promise<OwnedResult> {
  const { client, kinds } = deps;
  const problems: Problem[] = [];
  const errors: unknown[] = [];
  const wanted: Wanted[] = [];
  let unsettled = false;
  const failed = (error: unknown, resource: Resource, name: string): void => {
    const problem = problemOf(error, resource, name);
    if (problem === undefined) errors.push(error);
    else problems.push(problem);
  };
  /** Something stands under the name. */
  const found = async (resource: Resource, object: KubeObject, live: KubeObject): Promise<Wanted | undefined> => {
    try {
      const whose = ownership(live, request.owner, request.labels);
      if (whose === 'foreign') throw new NameTakenError(resource, live);
      if (whose === 'own') return { resource, object, live };
      unsettled = true;
      // Garbage collection takes its time, and may not come at all where the reference was restored from a backup.
      await deleteExactly(client, resource, live, signal);
    } catch (error) {
      failed(error, resource, object.metadata.name);
    }
    return undefined;
  };
  for (const object of request.objects) {
    const kind = kinds.find((each) => each.resource.kind === object.kind);
    if (kind === undefined) throw new TypeError(`nobody said how to reach a ${object.kind}`);
    const { resource, store } = kind;
    const key = makeKey(object.metadata.namespace, object.metadata.name);
    const cached = store.get(key);
    if (cached !== undefined) {
      const known = await found(resource, object, cached);
      if (known !== undefined) wanted.push(known);
    } else if (deps.tracker.isStale(`${resourceName(resource)}/${key}`, undefined)) unsettled = true;
    else wanted.push({ resource, object, live: undefined, onlyIfAbsent: true });
  }
  const complete = problems.length === 0 && errors.length === 0 && !unsettled;
  const resources = kinds.map(({ resource }) => resource);
  const previous = complete ? standing(deps, request).map(inventoryEntry) : [];
  const first = await applySet(deps.applier, client, { wanted, previous, resources }, signal);
  const met: Wanted[] = [];
  for (const { wanted: one, error } of first.failed) {
    const { resource, object } = one;
    const { namespace, name } = object.metadata;
    if (one.onlyIfAbsent !== true || !isStatus(error, 409)) {
      failed(error, resource, name);
      continue;
    }
    try {
      const known = await found(resource, object, await client.get(resource, namespace, name, signal));
      if (known !== undefined) met.push(known);
    } catch (reading) {
      // Gone again meanwhile.
      if (isStatus(reading, 404)) unsettled = true;
      else failed(reading, resource, name);
    }
  }
  if (met.length === 0) return { problems, errors, unsettled: unsettled || first.unsettled };
  const second = await applySet(deps.applier, client, { wanted: met, previous: [], resources }, signal);
  for (const { wanted: one, error } of second.failed) failed(error, one.resource, one.object.metadata.name);
  return { problems, errors, unsettled: unsettled || first.unsettled || second.unsettled };
}

/** Deletes what this owner controls, but for what is kept. True: nothing of it is left in the caches. */
export async function removeOwned(
  deps: OwnedDeps,
  request: Pick<OwnedRequest, 'owner' | 'keep'>,
  signal?: AbortSignal,
): Promise<boolean> {
  let clear = true;
  for (const { resource, store } of deps.kinds) {
    for (const object of store.byIndex('owner', request.owner.metadata.uid ?? '')) {
      clear = false;
      if (object.metadata.deletionTimestamp !== undefined || request.keep?.(object) === true) continue;
      await deleteExactly(deps.client, resource, object, signal);
      deps.applier.forget(resource, makeKey(object.metadata.namespace, object.metadata.name));
    }
  }
  return clear;
}

function standing({ kinds }: OwnedDeps, { owner, keep }: OwnedRequest): readonly KubeObject[] {
  return kinds.flatMap(({ store }) =>
    store
      .byIndex('owner', owner.metadata.uid ?? '')
      .filter((object) => object.metadata.deletionTimestamp === undefined && keep?.(object) !== true),
  );
}
