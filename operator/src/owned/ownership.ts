/** Whose an object is: by its controlling owner, and where it has none, by our labels. Pure. */
import type { KubeObject } from '../kube/index.ts';

/**
 * `own`: ours, or left behind with our labels and nobody's. `former`: of an object of the same kind and name that is gone; garbage collection is
 * on its way. `foreign`: hands off.
 */
export type Ownership = 'own' | 'former' | 'foreign';

type Labels = Readonly<Record<string, string>>;

/** `labels`: all of what our objects for this owner carry. */
export function ownership(object: KubeObject, owner: KubeObject, labels: Labels): Ownership {
  const controller = object.metadata.ownerReferences?.find((each) => each.controller === true);
  if (controller === undefined) return carries(object.metadata.labels ?? {}, labels) ? 'own' : 'foreign';
  if (controller.uid === owner.metadata.uid) return 'own';
  const same =
    controller.kind === owner.kind &&
    controller.name === owner.metadata.name &&
    groupOf(controller.apiVersion) === groupOf(owner.apiVersion);
  return same ? 'former' : 'foreign';
}

function carries(labels: Labels, wanted: Labels): boolean {
  return Object.entries(wanted).every(([name, value]) => labels[name] === value);
}

function groupOf(apiVersion: string): string {
  return apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '';
}
