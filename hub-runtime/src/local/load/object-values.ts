/**
 * The values of Secret and ConfigMap objects and of named environment files, held in memory only.
 *
 * They never enter HubConfig, logs or the control socket: the target resolver asks here when it starts a server, by reference.
 */
import type { ManifestObject } from '@quaymaster/crds';

export type ValueKind = 'Secret' | 'ConfigMap';

export interface ObjectValues {
  /** All keys of one object, or undefined when there is none of that name. */
  values(kind: ValueKind, namespace: string, name: string): ReadonlyMap<string, string> | undefined;
}

export interface NamedFile {
  /** Name of the Secret it stands for, in the namespace `default`. */
  readonly name: string;
  readonly entries: ReadonlyMap<string, string>;
}

export function objectValues(objects: readonly ManifestObject[], files: readonly NamedFile[]): ObjectValues {
  const all = new Map<string, ReadonlyMap<string, string>>();
  for (const file of files) all.set(`Secret/default/${file.name}`, file.entries);
  for (const object of objects) {
    if (object.kind !== 'Secret' && object.kind !== 'ConfigMap') continue;
    const key = `${object.kind}/${object.metadata.namespace ?? 'default'}/${object.metadata.name}`;
    all.set(key, valuesOf(object));
  }
  return { values: (kind, namespace, name) => all.get(`${kind}/${namespace}/${name}`) };
}

/** `data` of a Secret is base64, `stringData` is text and wins, as the API server merges them. */
function valuesOf(object: ManifestObject): ReadonlyMap<string, string> {
  const out = new Map<string, string>();
  for (const [key, value] of Object.entries(object.data ?? {}))
    out.set(key, object.kind === 'Secret' ? Buffer.from(String(value), 'base64').toString('utf8') : String(value));
  for (const [key, value] of Object.entries(object.stringData ?? {})) out.set(key, String(value));
  return out;
}
