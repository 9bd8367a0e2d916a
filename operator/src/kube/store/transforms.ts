/** What is dropped before an object is kept. `managedFields` alone is often half of an object; nobody here reads it. */
import type { KubeObject, ObjectMeta } from '../objects/index.ts';

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

/**
 * The default transform. Works on the freshly parsed object, which nobody else holds yet. Its metadata is made anew: an object that had a member
 * deleted is kept as a hash table, which takes three times the memory.
 */
export function stripBookkeeping<T extends KubeObject>(object: T): T {
  const { managedFields: _dropped, ...metadata } = object.metadata;
  (object as { metadata: ObjectMeta }).metadata = withoutLastApplied(metadata);
  return object;
}

function withoutLastApplied(metadata: ObjectMeta): ObjectMeta {
  if (metadata.annotations?.[lastApplied] === undefined) return metadata;
  const { [lastApplied]: _dropped, ...annotations } = metadata.annotations;
  return { ...metadata, annotations };
}

/** For kinds of which only the existence, labels and versions matter (Secrets that are not ours): the content never stays in memory. */
export function metadataOnly<T extends KubeObject>(object: T): T {
  const { apiVersion, kind, metadata } = stripBookkeeping(object);
  return { apiVersion, kind, metadata } as T;
}
