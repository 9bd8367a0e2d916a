/** Last step of every renderer: metadata as all owned objects have it, keys in one order. */
import { compareText } from '../compile/index.ts';
import { apiVersion } from '../manifest/index.ts';
import type { ManifestObject } from '../manifest/index.ts';
import { isPlainObject } from '../structural/index.ts';
import { ownLabels } from './labels.ts';
import type { Component } from './labels.ts';
import type { KubeObject, OwnerReference } from './types.ts';

export interface Owner {
  readonly component: Component;
  readonly namespace: string;
  readonly name: string;
  readonly object: ManifestObject;
}

type Body = Omit<KubeObject, 'metadata'> & { readonly name: string };

export function ownedBy(owner: Owner, bodies: readonly Body[]): KubeObject[] {
  const references = ownerReferences(owner.object);
  return bodies.map(({ name, ...body }) =>
    sortKeys({
      ...body,
      metadata: {
        name,
        namespace: owner.namespace,
        labels: ownLabels(owner.component, owner.name),
        ...(references.length === 0 ? {} : { ownerReferences: references }),
      },
    }),
  );
}

/** Manifests that were never applied have no uid, so nothing owns what is printed for them. */
function ownerReferences({ kind, metadata }: ManifestObject): readonly OwnerReference[] {
  const { name, uid } = metadata;
  if (uid === undefined) return [];
  return [{ apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true }];
}

/** Equal objects as equal texts, whatever the order in which they were put together. */
function sortKeys<T>(value: T): T {
  if (Array.isArray(value)) return value.map((entry: unknown) => sortKeys(entry)) as T;
  if (!isPlainObject(value)) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => compareText(a, b));
  return Object.fromEntries(entries.map(([key, entry]) => [key, sortKeys(entry)])) as T;
}
