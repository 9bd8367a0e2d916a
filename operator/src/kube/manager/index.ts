/** Shared caches, start order, readiness and the way to the end. */
export { enqueueOn, type KeysOf, ownerKeys } from './enqueue.ts';
export type { Informer, InformerRequest } from './informer.ts';
export { createManager, type Manager, type ManagerOptions, type Readiness } from './manager.ts';
