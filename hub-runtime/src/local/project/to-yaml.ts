/** Objects as manifests to read and paste: what `qm import` and `qm get -o yaml` print. */
import type { ManifestObject } from '@quaymaster/crds';
import { stringify } from 'yaml';

export function toYaml(value: unknown): string {
  // kubectl reads YAML 1.1: a text like `no` or `010` has to stay one there.
  return stringify(value, { lineWidth: 140, aliasDuplicateObjects: false, compat: 'yaml-1.1' });
}

/** Several documents, each without what only we know (origin). */
export function manifestsYaml(objects: readonly ManifestObject[]): string {
  return objects.map((object) => toYaml(withoutOrigin(object))).join('---\n');
}

/** As it was declared: where it was read is ours alone. */
export function withoutOrigin(object: ManifestObject): Omit<ManifestObject, 'origin'> {
  const { origin: _origin, ...rest } = object;
  return rest;
}
