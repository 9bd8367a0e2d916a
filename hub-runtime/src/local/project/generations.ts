/** `metadata.generation`, which an API server would count: 1 at first, one more at each change of `spec` while this process lives. */
import { contentHash, type ManifestObject, objectKey } from '@quaymaster/crds';

import type { LoadedObject } from '../load/index.ts';

export function withGenerations(objects: readonly LoadedObject[], previous: readonly LoadedObject[]): LoadedObject[] {
  const before = new Map(previous.map((one) => [identity(one.object), one.object]));
  return objects.map((one) => {
    if (before.get(identity(one.object)) === one.object) return one;
    const last = before.get(identity(one.object));
    const generation =
      last === undefined ? 1 : (last.metadata.generation ?? 1) + (specHash(last) === specHash(one.object) ? 0 : 1);
    return { ...one, object: { ...one.object, metadata: { ...one.object.metadata, generation } } };
  });
}

export function identity(object: ManifestObject): string {
  return `${object.kind} ${objectKey(object)}`;
}

function specHash(object: ManifestObject): string {
  return contentHash(object.spec ?? null);
}
