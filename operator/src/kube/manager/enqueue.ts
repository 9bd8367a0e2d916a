/** From changes of a cache to keys of a queue: what was there already waits behind what somebody just did. */
import { keyOf, makeKey, type KubeObject } from '../objects/index.ts';
import { priorities, type WorkQueue } from '../queue/index.ts';
import type { StoreChange, StoreReader } from '../store/index.ts';

/** Keys that a changed object concerns. Given the state before as well: what an object no longer points to must hear of it too. */
export type KeysOf<T extends KubeObject> = (object: T) => readonly string[];

export function enqueueOn<T extends KubeObject>(
  store: StoreReader<T>,
  queue: WorkQueue,
  keysOf: KeysOf<T> = (object) => [keyOf(object)],
): () => void {
  return store.subscribe((change: StoreChange<T>) => {
    const initial = change.type !== 'removed' && change.initial;
    const keys = new Set(keysOf(change.object));
    if (change.type === 'updated') for (const key of keysOf(change.before)) keys.add(key);
    for (const key of keys) queue.add(key, { priority: initial ? priorities.background : priorities.edit });
  });
}

/** Keys of the controlling owner of this kind: a child's change wakes its root. */
export function ownerKeys(apiGroup: string, kind: string): KeysOf<KubeObject> {
  return (object) => {
    for (const owner of object.metadata.ownerReferences ?? []) {
      const group = owner.apiVersion.includes('/') ? owner.apiVersion.slice(0, owner.apiVersion.indexOf('/')) : '';
      // Versions may differ (a child written by a former release), group and kind may not.
      if (owner.controller === true && owner.kind === kind && group === apiGroup) {
        return [makeKey(object.metadata.namespace, owner.name)];
      }
    }
    return [];
  };
}
