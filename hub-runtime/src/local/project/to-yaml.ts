/** Objects as manifests to read and paste: what `qm import` and `qm get -o yaml` print. */
import type { ManifestObject } from '@quaymaster/crds';
import { stringify } from 'yaml';

export function toYaml(value: unknown): string {
  return stringify(value, { lineWidth: 140, aliasDuplicateObjects: false });
}

/** Several documents, each without what only we know (origin). */
export function manifestsYaml(objects: readonly ManifestObject[]): string {
  return objects.map((object) => toYaml(withoutOrigin(object))).join('---\n');
}

function withoutOrigin(object: ManifestObject): Omit<ManifestObject, 'origin'> {
  const { origin: _origin, ...rest } = object;
  return rest;
}
