/** Which Secrets and ConfigMaps a server refers to: what the operator watches, and what restarts its Pods when it changes. */
import { contentHash } from '../compile/index.ts';
import type { ServerConfig } from '../hub-config/index.ts';
import { objectKey } from '../manifest/index.ts';
import type { ManifestObject } from '../manifest/index.ts';
import { isPlainObject } from '../structural/index.ts';

export interface ObjectReference {
  readonly kind: 'Secret' | 'ConfigMap';
  readonly name: string;
}

/** Of the environment, sorted, each once. Headers of remote servers are the hub's business and restart nothing. */
export function environmentReferences(config: ServerConfig): readonly ObjectReference[] {
  const found = new Map<string, ObjectReference>();
  const add = (kind: ObjectReference['kind'], name: string): void => void found.set(`${kind}/${name}`, { kind, name });
  for (const entry of config.env) {
    if ('from' in entry) add(entry.from.kind, entry.from.name);
    else if ('secretKeyRef' in entry) add('Secret', entry.secretKeyRef.name);
    else if ('configMapKeyRef' in entry) add('ConfigMap', entry.configMapKeyRef.name);
  }
  return [...found.keys()].toSorted().flatMap((key) => found.get(key) ?? []);
}

/** One hash over the checksums of what is referred to, or undefined when none is known. */
export function referencesChecksum(
  config: ServerConfig,
  checksums: Readonly<Record<string, string>>,
): string | undefined {
  const known = environmentReferences(config).flatMap(({ kind, name }) => {
    const key = `${kind}/${name}`;
    return Object.hasOwn(checksums, key) ? [[key, checksums[key]]] : [];
  });
  return known.length === 0 ? undefined : contentHash(known);
}

/**
 * A `lookup` for `compile()` that takes for granted what the manifests refer to and do not declare: what a cluster holds is not known where
 * manifests are only printed. Only for objects that were parsed, whatever else is wrong with them.
 */
export function assumeReferences(
  objects: readonly ManifestObject[],
): (kind: 'Secret' | 'ConfigMap', namespace: string, name: string) => Iterable<string> | undefined {
  const keys = new Map<string, Set<string>>();
  for (const { spec } of objects) collect(spec, keys, 0);
  const declared = new Set(objects.map((object) => `${object.kind}/${objectKey(object)}`));
  return (kind, namespace, name) =>
    declared.has(`${kind}/${namespace}/${name}`) ? undefined : keys.get(`${kind}/${name}`);
}

const members: Readonly<Record<string, ObjectReference['kind']>> = {
  secretKeyRef: 'Secret',
  secretRef: 'Secret',
  configMapKeyRef: 'ConfigMap',
  configMapRef: 'ConfigMap',
};
const deepest = 16;

/** Manifests here are not validated yet: anything may stand anywhere. */
function collect(value: unknown, keys: Map<string, Set<string>>, depth: number): void {
  if (depth > deepest) return;
  if (Array.isArray(value)) for (const entry of value) collect(entry, keys, depth + 1);
  if (!isPlainObject(value)) return;
  for (const [name, entry] of Object.entries(value)) {
    const kind = Object.hasOwn(members, name) ? members[name] : undefined;
    if (kind === undefined || !isPlainObject(entry)) {
      collect(entry, keys, depth + 1);
      continue;
    }
    const id = `${kind}/${String(entry['name'])}`;
    const known = keys.get(id) ?? new Set<string>();
    keys.set(id, known);
    if (typeof entry['key'] === 'string') known.add(entry['key']);
  }
}
