/**
 * Applies everything one owner wants, in an order in which each object finds what it needs, then prunes what it wants no more.
 *
 * An object that fails does not stop the others; pruning waits until all are in place, since the old object may serve until the new one does.
 */
import { keyOf, type KubeObject, type Resource } from '../objects/index.ts';
import type { KubeClient } from '../transport/index.ts';
import type { Applied, Applier } from './applier.ts';
import { inventoryEntry, type InventoryEntry, maxInventory, prune } from './inventory.ts';

export interface Wanted {
  readonly resource: Resource;
  readonly object: KubeObject;
  readonly live: KubeObject | undefined;
  readonly recreate?: boolean;
  readonly onlyIfAbsent?: boolean;
}

export interface SetResult {
  readonly applied: readonly { readonly wanted: Wanted; readonly result: Applied }[];
  readonly failed: readonly { readonly wanted: Wanted; readonly error: unknown }[];
  readonly deleted: readonly InventoryEntry[];
  /** To be written into the owner's status. */
  readonly inventory: readonly InventoryEntry[];
  /** Something waits for the cache or for a removal: look again shortly. */
  readonly unsettled: boolean;
  /** Requests that changed something. Zero in steady state. */
  readonly writes: number;
}

export interface SetRequest {
  readonly wanted: readonly Wanted[];
  readonly previous: readonly InventoryEntry[];
  /** Kinds that may be pruned. */
  readonly resources: readonly Resource[];
  readonly keep?: (entry: InventoryEntry) => boolean;
}

/** Definitions and places first, then what others refer to, then what runs. */
const stages: Readonly<Record<string, number>> = {
  CustomResourceDefinition: 0,
  Namespace: 0,
  ServiceAccount: 1,
  Secret: 1,
  ConfigMap: 1,
  Role: 1,
  ClusterRole: 1,
  RoleBinding: 2,
  ClusterRoleBinding: 2,
  NetworkPolicy: 2,
  ResourceQuota: 2,
  LimitRange: 2,
};

export async function applySet(
  applier: Applier,
  client: KubeClient,
  request: SetRequest,
  signal?: AbortSignal,
): Promise<SetResult> {
  if (request.wanted.length > maxInventory) {
    throw new RangeError(`${request.wanted.length} objects of one owner (limit ${maxInventory})`);
  }
  const applied: { wanted: Wanted; result: Applied }[] = [];
  const failed: { wanted: Wanted; error: unknown }[] = [];
  let writes = 0;
  for (const wanted of request.wanted.toSorted((a, b) => stageOf(a) - stageOf(b))) {
    try {
      const { resource, object, live } = wanted;
      const result = await applier.apply(
        {
          resource,
          wanted: object,
          live,
          ...(wanted.recreate === undefined ? {} : { recreate: wanted.recreate }),
          ...(wanted.onlyIfAbsent === undefined ? {} : { onlyIfAbsent: wanted.onlyIfAbsent }),
        },
        signal,
      );
      if (isWrite(result.action)) writes += 1;
      applied.push({ wanted, result });
    } catch (error) {
      failed.push({ wanted, error });
    }
    signal?.throwIfAborted();
  }
  const present = applied.flatMap(({ result }) => (result.object === undefined ? [] : [result.object]));
  const waiting = applied.some(({ result }) => result.action === 'stale' || result.action === 'terminating');
  if (failed.length > 0 || waiting) {
    return { applied, failed, deleted: [], inventory: merge(request.previous, present), unsettled: waiting, writes };
  }
  const pruned = await prune(
    client,
    {
      previous: request.previous,
      applied: present,
      resources: request.resources,
      ...(request.keep === undefined ? {} : { keep: request.keep }),
    },
    signal,
  );
  for (const entry of pruned.deleted) {
    const resource = request.resources.find((each) => each.kind === entry.kind);
    const metadata = { name: entry.name, ...(entry.namespace === undefined ? {} : { namespace: entry.namespace }) };
    if (resource !== undefined) applier.forget(resource, keyOf({ metadata }));
  }
  return {
    applied,
    failed,
    deleted: pruned.deleted,
    inventory: pruned.inventory,
    unsettled: false,
    writes: writes + pruned.deleted.length,
  };
}

/** Until everything is in place nothing leaves the record: what is on it may still have to be pruned. */
function merge(previous: readonly InventoryEntry[], present: readonly KubeObject[]): readonly InventoryEntry[] {
  const byId = new Map<string, InventoryEntry>();
  for (const entry of [...previous, ...present.map(inventoryEntry)]) {
    byId.set(`${entry.apiVersion}/${entry.kind}/${entry.namespace ?? ''}/${entry.name}`, entry);
  }
  return [...byId.values()];
}

function stageOf(wanted: Wanted): number {
  return stages[wanted.resource.kind] ?? 3;
}

function isWrite(action: Applied['action']): boolean {
  return action === 'created' || action === 'updated' || action === 'confirmed' || action === 'recreated';
}
