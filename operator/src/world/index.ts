/** What the operator knows: caches of every kind, what the manifests of a namespace mean, what is known of the objects they refer to. */
export { createWorld, type WorldDeps } from './create-world.ts';
export { resources } from './resources.ts';
export type {
  CompanionKind,
  ContainerState,
  ContainerStatus,
  Deployment,
  EndpointSlice,
  KnownObject,
  NamespaceView,
  ObjectCondition,
  Pod,
  Stores,
  World,
} from './types.ts';
