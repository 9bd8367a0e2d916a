/** Keeps a store equal to one kind of the cluster, whatever happens to the connection. */
export { createReflector } from './create-reflector.ts';
export {
  defaultReflectorLimits,
  type Reflector,
  type ReflectorLimits,
  type ReflectorOptions,
  type ReflectorPhase,
  type ReflectorState,
  type Scope,
} from './reflector-types.ts';
