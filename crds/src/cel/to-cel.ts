/**
 * A JSON value as CEL sees it under a schema: `type: integer` becomes int (a JavaScript number would be a double, on which `/`, `%` and
 * `+ 1` have no overload), everything else binds as it is. Called once per object; rules below share the result.
 */
import type { CelInput } from '@bufbuild/cel';
import { childSchema, isPlainObject } from '../structural/index.ts';
import type { StructuralSchema } from '../structural/index.ts';

export function toCel(schema: StructuralSchema | undefined, value: unknown): CelInput {
  if (typeof value === 'number') return schema?.type === 'integer' && Number.isInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map((entry) => toCel(schema?.items, entry));
  if (!isPlainObject(value)) return value as CelInput;
  const out = new Map<string, CelInput>();
  for (const [name, entry] of Object.entries(value)) {
    const child = schema === undefined ? undefined : childSchema(schema, name);
    // To CEL a null in a field that is not nullable is an absent field, as the API server drops it.
    if (entry === null && child?.nullable !== true) continue;
    out.set(name, toCel(child, entry));
  }
  return out;
}
