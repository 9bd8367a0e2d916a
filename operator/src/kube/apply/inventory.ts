/**
 * What one owner has applied, written down in its status: the difference to what is wanted now is what must go. Needed because a wish that
 * no longer exists cannot be asked for its objects, and a cache cannot tell an orphan from a stranger's object.
 */
import { apiVersionOf, type KubeObject, makeKey, type Resource } from '../objects/index.ts';
import type { KubeClient } from '../transport/index.ts';
import { deleteExactly } from './applier.ts';

export interface InventoryEntry {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
  readonly uid: string;
}

export interface Pruned {
  /** What stays on record: applied now, or not deleted yet. */
  readonly inventory: readonly InventoryEntry[];
  readonly deleted: readonly InventoryEntry[];
  /** Entries of kinds that nobody told us how to reach; they stay on record. */
  readonly unknown: readonly InventoryEntry[];
}

export interface PruneRequest {
  readonly previous: readonly InventoryEntry[];
  /** Objects as the server has them after apply. */
  readonly applied: readonly KubeObject[];
  readonly resources: readonly Resource[];
  /** True for what must never be deleted this way (a namespace holds a team's work). */
  readonly keep?: (entry: InventoryEntry) => boolean;
}

/** Entries in one inventory at most. More would not fit into a status, and means that something multiplies. */
export const maxInventory = 1000;

export function inventoryEntry(object: KubeObject): InventoryEntry {
  const { namespace, name, uid } = object.metadata;
  return {
    apiVersion: object.apiVersion,
    kind: object.kind,
    ...(namespace === undefined ? {} : { namespace }),
    name,
    uid: uid ?? '',
  };
}

/** Deletes what was applied once and is wanted no more: by uid, so that a stranger's object of the same name is left alone. */
export async function prune(client: KubeClient, request: PruneRequest, signal?: AbortSignal): Promise<Pruned> {
  const inventory = new Map(request.applied.map((object) => [entryId(inventoryEntry(object)), inventoryEntry(object)]));
  if (inventory.size > maxInventory)
    throw new RangeError(`an inventory of ${inventory.size} entries (limit ${maxInventory})`);
  const resources = new Map(request.resources.map((each) => [`${apiVersionOf(each)}/${each.kind}`, each]));
  const deleted: InventoryEntry[] = [];
  const unknown: InventoryEntry[] = [];
  for (const entry of request.previous) {
    // Same name with another uid: the old one is gone already, and the new one is on record by itself.
    if (inventory.has(entryId(entry))) continue;
    const resource = resources.get(`${entry.apiVersion}/${entry.kind}`);
    if (resource === undefined) {
      unknown.push(entry);
      inventory.set(entryId(entry), entry);
      continue;
    }
    if (request.keep?.(entry) === true) continue;
    await deleteExactly(client, resource, targetOf(entry), signal);
    deleted.push(entry);
  }
  return { inventory: [...inventory.values()], deleted, unknown };
}

/**
 * Objects that carry our marks but whose owner is dead: the slow sweep for what an inventory missed (a crash between apply and status), and
 * for children that ownerReferences cannot reach. Pure: the caller decides and deletes.
 */
export function orphans<T extends KubeObject>(
  objects: Iterable<T>,
  ownerUidLabel: string,
  isAlive: (ownerUid: string) => boolean,
): readonly T[] {
  const found: T[] = [];
  for (const object of objects) {
    const owner = object.metadata.labels?.[ownerUidLabel];
    if (owner !== undefined && object.metadata.deletionTimestamp === undefined && !isAlive(owner)) found.push(object);
  }
  return found;
}

function entryId(entry: InventoryEntry): string {
  return `${entry.apiVersion}/${entry.kind}/${makeKey(entry.namespace, entry.name)}`;
}

function targetOf(entry: InventoryEntry): KubeObject {
  const { namespace, name, uid } = entry;
  return {
    apiVersion: entry.apiVersion,
    kind: entry.kind,
    metadata: { name, ...(namespace === undefined ? {} : { namespace }), ...(uid === '' ? {} : { uid }) },
  };
}
