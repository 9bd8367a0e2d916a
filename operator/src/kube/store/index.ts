/** Caches of one kind each: indexes, transforms at ingest, and whether a cache has seen our own writes. */
export {
  createStore,
  type Indexer,
  type ObjectStore,
  type StoreChange,
  type StoreHandler,
  type StoreOptions,
  type StoreReader,
  type StoreWriter,
} from './object-store.ts';
export { createSharing, type Sharing, type SharingOptions } from './sharing.ts';
export { metadataOnly, stripBookkeeping } from './transforms.ts';
export { createWriteTracker, staleRetryMs, writeId, type WriteTracker } from './write-tracker.ts';
