/**
 * Fills in schema defaults as the API server does before it validates: a default applies where its parent object exists.
 *
 * Returns a new value; never changes the given one. What does not fit the schema is left as it is, for validation to report.
 */
import type { StructuralSchema } from './structural-schema.ts';

export function applyDefaults(schema: StructuralSchema, value: unknown): unknown {
  if (schema.type === 'array' && Array.isArray(value)) {
    const { items } = schema;
    return items === undefined ? value : value.map((entry) => applyDefaults(items, entry));
  }
  if (schema.type !== 'object' || !isPlainObject(value)) return value;
  // Entries, not assignments: a key named __proto__ must stay a key.
  const out: [string, unknown][] = [];
  for (const [name, entry] of Object.entries(value)) {
    const child = childSchema(schema, name);
    // A null where null is not allowed counts as absent, so a default applies (API server).
    if (entry === null && child !== undefined && child.nullable !== true) continue;
    out.push([name, child === undefined ? entry : applyDefaults(child, entry)]);
  }
  const present = new Set(out.map(([name]) => name));
  for (const [name, child] of Object.entries(schema.properties ?? {})) {
    if (child.default !== undefined && !present.has(name)) out.push([name, applyDefaults(child, child.default)]);
  }
  return Object.fromEntries(out);
}

export function childSchema(schema: StructuralSchema, name: string): StructuralSchema | undefined {
  if (schema.properties !== undefined && Object.hasOwn(schema.properties, name)) return schema.properties[name];
  return schema.additionalProperties;
}

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
