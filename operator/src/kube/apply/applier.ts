/**
 * Server-side apply that first looks whether there is anything to do.
 *
 * An object is left alone when its annotation carries the hash of what we render *and* everything we render is still there. The hash
 * notices a changed wish (also fields we gave up), the comparison notices a hand that changed the object. So a resync of an unchanged
 * cluster writes nothing, and drift is repaired at the next look.
 *
 * What the server normalises (it may store a value in another form than it was given) would look like drift for ever: differences that
 * remain right after our own apply are remembered for that very hash and tolerated as long as they stay exactly so.
 * Never changes an object that is being deleted; never recreates unless told.
 */
import { createHash } from 'node:crypto';

import { canonicalJson, keyOf, type KubeObject, type Resource } from '../objects/index.ts';
import { writeId, type WriteTracker } from '../store/index.ts';
import { immutableFields, isStatus, type KubeClient, KubeError } from '../transport/index.ts';
import { type Difference, differences, type SubsetOptions } from './subset.ts';

export type ApplyAction =
  /** Nothing differs; nothing was sent. */
  | 'unchanged'
  | 'created'
  | 'updated'
  /** Sent, and the server found nothing to change. */
  | 'confirmed'
  /** Deleted and made anew, because an immutable field had to change and that was allowed. */
  | 'recreated'
  /** It is being deleted. Its removal will wake the owner. */
  | 'terminating'
  /** The cache has not seen our last write yet. Come back shortly. */
  | 'stale';

export interface Applied<T extends KubeObject = KubeObject> {
  readonly action: ApplyAction;
  /** As the server has it now, or as the cache has it when nothing was sent. */
  readonly object: T | undefined;
  /** Why it was sent. */
  readonly differences: readonly Difference[];
}

export interface ApplyRequest<T extends KubeObject = KubeObject> {
  readonly resource: Resource;
  readonly wanted: KubeObject;
  /** The cached live object, if there is one. */
  readonly live: T | undefined;
  /** An immutable field may be changed by deleting and creating. */
  readonly recreate?: boolean;
  /** Make it, or fail with a conflict (409) when there is one of that name: nothing that the cache cannot see is taken over. */
  readonly onlyIfAbsent?: boolean;
}

export interface Applier {
  apply<T extends KubeObject>(request: ApplyRequest<T>, signal?: AbortSignal): Promise<Applied<T>>;
  /** Drops what is remembered of an object that is gone. */
  forget(resource: Resource, key: string): void;
}

export interface ApplierOptions {
  readonly client: KubeClient;
  /** Name of the field manager: one per concern. */
  readonly manager: string;
  /** Annotation that carries the hash of the rendered object. */
  readonly hashAnnotation: string;
  /** Should `follow` the caches that `live` comes from. */
  readonly tracker: WriteTracker;
  readonly subset?: SubsetOptions;
  /** Objects whose normalised values are remembered. */
  readonly maxRemembered?: number;
}

/** Hash of a rendered object, as it stands in the annotation. */
export function renderHash(object: KubeObject): string {
  return createHash('sha256').update(canonicalJson(object)).digest('base64url').slice(0, 22);
}

export function createApplier(options: ApplierOptions): Applier {
  const { client, tracker } = options;
  const maxRemembered = options.maxRemembered ?? 20_000;
  const tolerated = new Map<string, { readonly hash: string; readonly places: ReadonlyMap<string, string> }>();

  const openDifferences = (id: string, hash: string, wanted: KubeObject, live: KubeObject): readonly Difference[] => {
    const found = differences(wanted, live, wanted.kind, options.subset);
    const known = tolerated.get(id);
    if (known === undefined || known.hash !== hash) return found;
    return found.filter((difference) => known.places.get(difference.path) !== canonicalJson(difference.live));
  };

  const remember = (id: string, hash: string, wanted: KubeObject, answer: KubeObject): void => {
    const left = differences(wanted, answer, wanted.kind, options.subset);
    tolerated.delete(id);
    if (left.length === 0) return;
    const oldest = tolerated.keys().next();
    if (tolerated.size >= maxRemembered && oldest.done !== true) tolerated.delete(oldest.value);
    tolerated.set(id, { hash, places: new Map(left.map((each) => [each.path, canonicalJson(each.live)])) });
  };

  return {
    async apply<T extends KubeObject>(request: ApplyRequest<T>, signal?: AbortSignal): Promise<Applied<T>> {
      const { resource, live } = request;
      const hash = renderHash(request.wanted);
      const wanted = withAnnotation(request.wanted, options.hashAnnotation, hash);
      const id = writeId(resource, keyOf(wanted));
      if (tracker.isStale(id, live)) return { action: 'stale', object: live, differences: [] };
      if (live?.metadata.deletionTimestamp !== undefined)
        return { action: 'terminating', object: live, differences: [] };
      const reasons = live === undefined ? [] : openDifferences(id, hash, wanted, live);
      if (live !== undefined && reasons.length === 0) return { action: 'unchanged', object: live, differences: [] };

      const send = async (): Promise<{ readonly object: T; readonly created: boolean }> => {
        const body = request.onlyIfAbsent === true ? atNoVersion(wanted) : wanted;
        const answer = await client.apply<T>(resource, body, { manager: options.manager, force: true }, signal);
        tracker.wrote(id, answer.object);
        remember(id, hash, wanted, answer.object);
        return answer;
      };
      try {
        const { object, created } = await send();
        const same = object.metadata.resourceVersion === live?.metadata.resourceVersion;
        return { action: created ? 'created' : same ? 'confirmed' : 'updated', object, differences: reasons };
      } catch (error) {
        const fields = immutableFields(error);
        if (fields.length === 0) throw error;
        if (request.recreate !== true || live === undefined) throw immutableError(id, fields, error);
        await deleteExactly(client, resource, live, signal);
        tracker.forget(id);
        const { object } = await send().catch((again: unknown) => {
          // Finalizers hold it back: its removal will wake the owner.
          if (isStatus(again, 409) || immutableFields(again).length > 0) return { object: undefined };
          throw again;
        });
        return object === undefined
          ? { action: 'terminating', object: live, differences: reasons }
          : { action: 'recreated', object, differences: reasons };
      }
    },
    forget(resource, key) {
      const id = writeId(resource, key);
      tolerated.delete(id);
      tracker.forget(id);
    },
  };
}

/** Deletes this very object: not one that took its name since. Gone or replaced counts as done. */
export async function deleteExactly(
  client: KubeClient,
  resource: Resource,
  target: KubeObject,
  signal?: AbortSignal,
): Promise<'deleted' | 'absent'> {
  try {
    await client.delete(resource, target, { uid: target.metadata.uid }, signal);
    return 'deleted';
  } catch (error) {
    if (isStatus(error, 404) || isStatus(error, 409)) return 'absent';
    throw error;
  }
}

/** No living object has this version: for the API server a precondition that only an absent one meets. */
function atNoVersion(object: KubeObject): KubeObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion: '1' } };
}

function withAnnotation(object: KubeObject, name: string, value: string): KubeObject {
  const { metadata } = object;
  return { ...object, metadata: { ...metadata, annotations: { ...metadata.annotations, [name]: value } } };
}

function immutableError(id: string, fields: readonly string[], cause: unknown): KubeError {
  return new KubeError('KUBE_STATUS', `${id}: ${fields.join(', ')} cannot be changed on a living object`, {
    status: 422,
    reason: 'Immutable',
    causes: fields.map((field) => ({ field, reason: 'Immutable', message: 'field is immutable' })),
    cause,
  });
}
