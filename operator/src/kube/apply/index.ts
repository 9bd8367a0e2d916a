/** Server-side apply with a local comparison first, and pruning by inventory. */
export {
  type Applied,
  type Applier,
  type ApplierOptions,
  type ApplyAction,
  type ApplyRequest,
  createApplier,
  deleteExactly,
  renderHash,
} from './applier.ts';
export { applySet, type SetRequest, type SetResult, type Wanted } from './apply-set.ts';
export {
  inventoryEntry,
  type InventoryEntry,
  maxInventory,
  orphans,
  prune,
  type Pruned,
  type PruneRequest,
} from './inventory.ts';
export { type Difference, differences, type SubsetOptions } from './subset.ts';
