/** Structural schemas at run time: lookup, defaults, walking. Loads no zod. */
export { applyDefaults, childSchema, isPlainObject } from './defaults.ts';
export { kindNames, schemaFor } from './schema-for.ts';
export { walkSchema } from './structural-schema.ts';
export type { StructuralSchema, ValidationRule } from './structural-schema.ts';
