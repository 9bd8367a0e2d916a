/** One kind as the API server serves it. Written down by the caller, so that nothing has to be discovered before the first request. */
import type { KubeObject } from './kube-object.ts';

export interface Resource {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** The name in the URL, for instance `deployments`. */
  readonly plural: string;
  readonly namespaced: boolean;
}

export function apiVersionOf(resource: Pick<Resource, 'group' | 'version'>): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}

/** Names a kind in logs, metrics and errors: `deployments.apps`. */
export function resourceName(resource: Pick<Resource, 'group' | 'plural'>): string {
  return resource.group === '' ? resource.plural : `${resource.plural}.${resource.group}`;
}

export function groupVersionPath(resource: Pick<Resource, 'group' | 'version'>): string {
  return resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
}

export interface Place {
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly subresource?: string | undefined;
}

/** URL path. Names are encoded but keep their case: RBAC names may be mixed-case (a fault of the generic API of client-node). */
export function resourcePath(resource: Resource, place: Place = {}): string {
  let path = groupVersionPath(resource);
  if (resource.namespaced && place.namespace !== undefined)
    path += `/namespaces/${encodeURIComponent(place.namespace)}`;
  path += `/${resource.plural}`;
  if (place.name !== undefined) path += `/${encodeURIComponent(place.name)}`;
  if (place.subresource !== undefined) path += `/${place.subresource}`;
  return path;
}

/** Where `object` lives, taken from its metadata. */
export function placeOf(object: Pick<KubeObject, 'metadata'>): {
  readonly namespace: string | undefined;
  readonly name: string;
} {
  return { namespace: object.metadata.namespace, name: object.metadata.name };
}
