/** The schema of a kind at run time. */
import { schemas } from './generated/schemas.ts';
import type { StructuralSchema } from './structural-schema.ts';

/** Names of the kinds of `quaymaster.dev/v1alpha1` that this release knows. */
export const kindNames: readonly string[] = Object.keys(schemas);

/** Whole-object schema (`properties.spec`, `properties.status` ...) of a kind, or undefined when it is not ours. */
export function schemaFor(kind: string): StructuralSchema | undefined {
  return Object.hasOwn(schemas, kind) ? schemas[kind] : undefined;
}
