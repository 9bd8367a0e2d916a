/** Whose an object is, by its controlling owner reference. */
import type { KubeObject } from '../kube/index.ts';

/** `former`: of an object of the same kind and name that is gone; garbage collection is on its way. */
export type Ownership = 'own' | 'former' | 'foreign';

export function ownership(object: KubeObject, owner: KubeObject): Ownership {
  const controller = object.metadata.ownerReferences?.find((each) => each.controller === true);
  if (controller === undefined) return 'foreign';
  if (controller.uid === owner.metadata.uid) return 'own';
  const group = (apiVersion: string): string => apiVersion.split('/')[0] ?? '';
  const same =
    controller.kind === owner.kind &&
    controller.name === owner.metadata.name &&
    group(controller.apiVersion) === group(owner.apiVersion);
  return same ? 'former' : 'foreign';
}
