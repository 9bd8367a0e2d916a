/** What is dropped before an object is kept. `managedFields` alone is often half of an object; nobody here reads it. */
import type { KubeObject, ObjectMeta } from '../objects/index.ts';

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

/** The default transform. Works on the freshly parsed object, which nobody else holds yet. */
export function stripBookkeeping<T extends KubeObject>(object: T): T {
  const metadata = object.metadata as { -readonly [K in keyof ObjectMeta]: ObjectMeta[K] } & {
    annotations?: Record<string, string>;
  };
  delete metadata.managedFields;
  if (metadata.annotations?.[lastApplied] !== undefined) delete metadata.annotations[lastApplied];
  return object;
}

/** For kinds of which only the existence, labels and versions matter (Secrets that are not ours): the content never stays in memory. */
export function metadataOnly<T extends KubeObject>(object: T): T {
  const { apiVersion, kind, metadata } = stripBookkeeping(object);
  return { apiVersion, kind, metadata } as T;
}
