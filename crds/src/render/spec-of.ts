/** The spec of an object after defaults. Only for objects that `compile` accepted, which is what makes the cast true. */
import type { McpHubSpec } from '../hub/index.ts';
import type { ManifestObject } from '../manifest/index.ts';
import type { McpServerSpec } from '../server/index.ts';
import { applyDefaults, schemaFor } from '../structural/index.ts';

export function serverSpec(object: ManifestObject): McpServerSpec {
  return withDefaults(object) as McpServerSpec;
}

export function hubSpec(object: ManifestObject): McpHubSpec {
  return withDefaults(object) as McpHubSpec;
}

function withDefaults(object: ManifestObject): unknown {
  const schema = schemaFor(object.kind)?.properties?.['spec'];
  return schema === undefined ? object.spec : applyDefaults(schema, object.spec);
}
