/**
 * Fields that only a cluster acts on. The process driver accepts them, since the same manifests run in both, and says that they do nothing
 * there: no difference is silent.
 */
import type { ManifestObject } from '../manifest/index.ts';
import { isPlainObject } from '../structural/index.ts';

const fields: Readonly<Record<string, readonly string[]>> = {
  McpServer: ['template'],
  McpHub: ['exposure', 'template'],
};

/** Paths of those that the object sets: `spec.template`. */
export function clusterOnlyFields({ kind, spec }: ManifestObject): readonly string[] {
  if (!isPlainObject(spec) || !Object.hasOwn(fields, kind)) return [];
  return (fields[kind] ?? [])
    .filter((name) => spec[name] !== undefined && spec[name] !== null)
    .map((name) => `spec.${name}`);
}
