/**
 * Read your own writes: remembers the version of the last write of each object, so that a reconcile does not act on a cache that has not
 * seen that write yet. (Without it a controller creates twice or undoes its own step; the same idea as KEP-5647 and the tracker of Argo
 * Rollouts.) A stale answer means: come back in 100 ms, do not act.
 *
 * A record dies when the cache has caught up, when the object is forgotten, and after a while in any case: after an etcd restore versions
 * jump back, and a record of the time before would call every cache stale for ever.
 */
import type { Clock } from 'quaymaster/base';

import { compareResourceVersions, type KubeObject, type Resource, resourceName } from '../objects/index.ts';
import type { StoreReader } from './object-store.ts';

/** How long to wait before looking again. */
export const staleRetryMs = 100;

export interface WriteTracker {
  /** A write of `id` succeeded and gave it this version. */
  wrote(id: string, object: Pick<KubeObject, 'metadata'>): void;
  /** True when `cached` is strictly older than our last write. Unknown or unreadable versions are never stale. */
  isStale(id: string, cached: Pick<KubeObject, 'metadata'> | undefined): boolean;
  forget(id: string): void;
  /**
   * Watches a cache, so that a record dies the moment its write is seen. Needed for what is deleted right after we wrote it: an absent object
   * alone cannot tell "not yet" from "no more".
   */
  follow<T extends KubeObject>(resource: Resource, store: StoreReader<T>): () => void;
  readonly size: number;
}

export interface WriteTrackerOptions {
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly lifetimeMs?: number;
  readonly maxRecords?: number;
}

interface Written {
  readonly version: string;
  readonly untilMs: number;
}

/** Names an object across kinds. */
export function writeId(resource: Resource, key: string): string {
  return `${resourceName(resource)}/${key}`;
}

export function createWriteTracker(options: WriteTrackerOptions): WriteTracker {
  const lifetimeMs = options.lifetimeMs ?? 30_000;
  const maxRecords = options.maxRecords ?? 50_000;
  const records = new Map<string, Written>();
  return {
    wrote(id, object) {
      const version = object.metadata.resourceVersion;
      if (compareResourceVersions(version, version) === undefined || version === undefined) return;
      records.delete(id);
      const oldest = records.keys().next();
      if (records.size >= maxRecords && oldest.done !== true) records.delete(oldest.value);
      records.set(id, { version, untilMs: options.clock.monotonic() + lifetimeMs });
    },
    isStale(id, cached) {
      const record = records.get(id);
      if (record === undefined) return false;
      if (options.clock.monotonic() >= record.untilMs) {
        records.delete(id);
        return false;
      }
      // Absent from the cache although we wrote it: the cache has not heard of it yet (or it is gone again, which the record outlives briefly).
      if (cached === undefined) return true;
      if (compareResourceVersions(cached.metadata.resourceVersion, record.version) === -1) return true;
      records.delete(id);
      return false;
    },
    forget(id) {
      records.delete(id);
    },
    follow(resource, store) {
      return store.subscribe((change) => {
        const id = writeId(resource, change.key);
        const record = records.get(id);
        if (record === undefined) return;
        const seen = compareResourceVersions(change.object.metadata.resourceVersion, record.version);
        // The object of a removal is the last one the cache had, or the one of the deletion itself.
        if (change.type === 'removed' || seen === 0 || seen === 1) records.delete(id);
      });
    },
    get size() {
      return records.size;
    },
  };
}
