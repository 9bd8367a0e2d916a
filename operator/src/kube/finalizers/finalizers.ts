/**
 * Adds and takes away a finalizer: read-modify-write under the object's version, because a list of names has no owner that could apply it
 * alone. A conflict surfaces as such (409): the queue reads again. Only for what garbage collection cannot do.
 */
import type { KubeObject, Resource } from '../objects/index.ts';
import { isStatus, type KubeClient } from '../transport/index.ts';

export interface FinalizerTools {
  /** The object with the finalizer; unchanged and without a request when it has it. Never added to an object that is being deleted. */
  ensure<T extends KubeObject>(resource: Resource, object: T, signal?: AbortSignal): Promise<T>;
  /** Undefined when the object is gone. */
  remove<T extends KubeObject>(resource: Resource, object: T, signal?: AbortSignal): Promise<T | undefined>;
  has(object: KubeObject): boolean;
}

export function createFinalizerTools(client: KubeClient, finalizer: string, manager: string): FinalizerTools {
  const write = <T extends KubeObject>(
    resource: Resource,
    object: T,
    finalizers: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<T> => {
    const { uid, resourceVersion } = object.metadata;
    // uid as well: the same name may belong to another object by now.
    const patch = { metadata: { uid, resourceVersion, finalizers } };
    return client.merge<T>(resource, object, patch, { fieldManager: manager }, signal);
  };
  const has = (object: KubeObject): boolean => object.metadata.finalizers?.includes(finalizer) === true;
  return {
    has,
    async ensure(resource, object, signal) {
      if (has(object) || object.metadata.deletionTimestamp !== undefined) return object;
      return await write(resource, object, [...(object.metadata.finalizers ?? []), finalizer], signal);
    },
    async remove(resource, object, signal) {
      if (!has(object)) return object;
      const rest = (object.metadata.finalizers ?? []).filter((each) => each !== finalizer);
      try {
        return await write(resource, object, rest, signal);
      } catch (error) {
        if (isStatus(error, 404)) return undefined;
        throw error;
      }
    },
  };
}
