/** Kubernetes objects as plain data: keys, kinds, order of versions. Pure. */
export { canonicalJson } from './canonical-json.ts';
export type { KubeList, KubeObject, ObjectMeta, OwnerReference, StatusBody, StatusCause } from './kube-object.ts';
export { keyOf, makeKey, type ObjectKey, splitKey } from './object-key.ts';
export {
  apiVersionOf,
  groupVersionPath,
  type Place,
  placeOf,
  type Resource,
  resourceName,
  resourcePath,
} from './resource.ts';
export { compareResourceVersions } from './resource-version.ts';
