/**
 * Makes the cluster hold what was rendered for one owner: applies what differs, deletes what is rendered no more.
 *
 * The record of what was applied is the cluster itself: everything in the caches that this owner controls. A name is looked at before
 * anything is created under it, because caches hold only what carries our labels, and applying over a stranger's object would take it from
 * whoever it belongs to. What cannot be applied does not stop the others.
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
  // At once: for a new owner each is a request, and most of them find nothing.
  const places = request.objects.map((object) => {
    const kind = kinds.find((each) => each.resource.kind === object.kind);
    if (kind === undefined) throw new TypeError(`nobody said how to reach a ${object.kind}`);
    return { object, resource: kind.resource, found: find(deps, kind, object, signal) };
  });
  await Promise.allSettled(places.map(({ found }) => found));
  for (const place of places) {
    const { object, resource } = place;
    try {
      const found = await place.found;
      const whose = found.live === undefined ? 'own' : ownership(found.live, request.owner, request.labels);
      if (whose === 'foreign' && found.live !== undefined) throw new NameTakenError(resource, found.live);
      if (whose === 'own' && !found.stale) {
        wanted.push({ resource, object, live: found.live });
        continue;
      }
      unsettled = true;
      // Garbage collection takes its time, and may not come at all where the reference was restored from a backup.
      if (whose === 'former' && found.live !== undefined) await deleteExactly(client, resource, found.live, signal);
    } catch (error) {
      failed(error, resource, object.metadata.name);
    }
  }
  const complete = problems.length === 0 && errors.length === 0 && !unsettled;
  const resources = kinds.map(({ resource }) => resource);
  const previous = complete ? standing(deps, request).map(inventoryEntry) : [];
  const result = await applySet(deps.applier, client, { wanted, previous, resources }, signal);
  for (const { wanted: one, error } of result.failed) failed(error, one.resource, one.object.metadata.name);
  return { problems, errors, unsettled: unsettled || result.unsettled };
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

/** As the cache has it; where it has nothing, what stands under the name all the same. */
async function find(
  { client, tracker }: OwnedDeps,
  { resource, store }: OwnedKind,
  { metadata }: KubeObject,
  signal: AbortSignal | undefined,
): Promise<{ readonly live: KubeObject | undefined; readonly stale: boolean }> {
  const key = makeKey(metadata.namespace, metadata.name);
  const cached = store.get(key);
  if (cached !== undefined) return { live: cached, stale: false };
  if (tracker.isStale(`${resourceName(resource)}/${key}`, undefined)) return { live: undefined, stale: true };
  try {
    return { live: await client.get(resource, metadata.namespace, metadata.name, signal), stale: false };
  } catch (error) {
    if (isStatus(error, 404)) return { live: undefined, stale: false };
    throw error;
  }
}
