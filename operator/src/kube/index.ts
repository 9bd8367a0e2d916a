/**
 * The Kubernetes layer: everything a controller needs from an API server, and nothing about what it controls.
 *
 * `createTransport` (one connection pool) → `createKubeClient` (verbs; the fence as `guard` on writers) → `createManager` (shared caches,
 * election, order of start and end) → `createController` (queue and workers) → `createApplier`, `applySet`, `createStatusWriter` (writes only
 * what differs).
 */
export {
  type Applied,
  type Applier,
  type ApplierOptions,
  type ApplyAction,
  type ApplyRequest,
  applySet,
  createApplier,
  deleteExactly,
  type Difference,
  differences,
  inventoryEntry,
  type InventoryEntry,
  maxInventory,
  orphans,
  prune,
  renderHash,
  type SetRequest,
  type SetResult,
  type Wanted,
} from './apply/index.ts';
export {
  changedConditions,
  createEventRecorder,
  type EventInput,
  type EventRecorder,
  type EventRecorderOptions,
  eventResource,
} from './events/index.ts';
export { createFinalizerTools, type FinalizerTools } from './finalizers/index.ts';
export { createElection, type Election, type ElectionOptions, leaseResource } from './lease/index.ts';
export {
  createManager,
  enqueueOn,
  type Informer,
  type InformerRequest,
  type KeysOf,
  type Manager,
  type ManagerOptions,
  ownerKeys,
  type Readiness,
} from './manager/index.ts';
export {
  type MetricLabels,
  type MetricName,
  type MetricRow,
  type MetricSink,
  metricTable,
  noMetrics,
} from './metrics/index.ts';
export {
  apiVersionOf,
  canonicalJson,
  compareResourceVersions,
  keyOf,
  type KubeObject,
  makeKey,
  type ObjectKey,
  type ObjectMeta,
  type OwnerReference,
  type Resource,
  resourceName,
  resourcePath,
  splitKey,
} from './objects/index.ts';
export {
  type Controller,
  type ControllerOptions,
  createController,
  createWorkQueue,
  done,
  priorities,
  type Reconcile,
  requeue,
  requeueAfter,
  type Result,
  TerminalError,
  type WorkQueue,
} from './queue/index.ts';
export {
  createReflector,
  defaultReflectorLimits,
  type Reflector,
  type ReflectorLimits,
  type ReflectorOptions,
  type ReflectorState,
} from './reflector/index.ts';
export { createStatusWriter, type StatusWriter, type StatusWriterOptions } from './status/index.ts';
export {
  createStore,
  createWriteTracker,
  type Indexer,
  metadataOnly,
  type ObjectStore,
  staleRetryMs,
  type StoreChange,
  type StoreHandler,
  type StoreReader,
  stripBookkeeping,
  type WriteTracker,
} from './store/index.ts';
export {
  classify,
  createDiscovery,
  createKubeClient,
  createTransport,
  type Credentials,
  type Discovery,
  type Endpoint,
  type ErrorClass,
  fixedCredentials,
  immutableFields,
  inClusterEndpoint,
  isExpired,
  isInCluster,
  isNamespaceTerminating,
  isStatus,
  kubeconfigPaths,
  type KubeClient,
  KubeError,
  loadKubeconfig,
  type Transport,
  type TransportOptions,
} from './transport/index.ts';
