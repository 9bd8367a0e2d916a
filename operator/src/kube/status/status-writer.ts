/**
 * Writes status by server-side apply on the subresource, under a manager name of its own, and only when it differs from the cached one.
 * Status is wholly ours, so the comparison is for equality: a field we stop writing must go away too.
 */
import { apiVersionOf, canonicalJson, keyOf, type KubeObject, type Resource } from '../objects/index.ts';
import { writeId, type WriteTracker } from '../store/index.ts';
import type { KubeClient } from '../transport/index.ts';

export interface StatusWriter {
  /** `unchanged` sent nothing; `stale`: the cache has not seen our last write, come back shortly. */
  write<T extends KubeObject>(
    resource: Resource,
    live: T,
    status: unknown,
    signal?: AbortSignal,
  ): Promise<{ readonly action: 'unchanged' | 'written' | 'stale'; readonly object: T }>;
}

export interface StatusWriterOptions {
  readonly client: KubeClient;
  readonly manager: string;
  readonly tracker: WriteTracker;
  /** Top-level fields of status that others write; left out of comparison and apply. */
  readonly foreign?: readonly string[];
}

export function createStatusWriter(options: StatusWriterOptions): StatusWriter {
  const own = (status: unknown): unknown => {
    if (options.foreign === undefined || typeof status !== 'object' || status === null) return status;
    return Object.fromEntries(Object.entries(status).filter(([name]) => options.foreign?.includes(name) !== true));
  };
  return {
    async write(resource, live, status, signal) {
      const id = writeId(resource, keyOf(live));
      if (options.tracker.isStale(id, live)) return { action: 'stale', object: live };
      const wanted = own(status);
      if (canonicalJson(wanted) === canonicalJson(own(live.status ?? {}))) return { action: 'unchanged', object: live };
      const { name, namespace } = live.metadata;
      const object: KubeObject = {
        apiVersion: apiVersionOf(resource),
        kind: resource.kind,
        // No uid: the API server does not check it on this subresource. Should the name belong to a new object by now, the event of its
        // birth wakes its owner, who writes the right status.
        metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
        status: wanted,
      };
      const answer = await options.client.apply<typeof live>(
        resource,
        object,
        { manager: options.manager, force: true, subresource: 'status' },
        signal,
      );
      options.tracker.wrote(id, answer.object);
      return { action: 'written', object: answer.object };
    },
  };
}
