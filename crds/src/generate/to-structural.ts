/**
 * zod schema -> structural schema.
 *
 * zod's own JSON Schema is close but not acceptable to an API server: integers carry +-2^53 bounds, documentation keys are unknown to it.
 * Fails loudly on what must never reach a CRD: unions, tuples, references, look-around, anything unbounded or undescribed.
 */
import { z } from 'zod';
import { docKeys } from '../schema/index.ts';
import type { StructuralSchema } from '../structural/index.ts';

export type DocSchema = Readonly<Record<string, unknown>>;

const kept = new Set([
  'type',
  'description',
  'nullable',
  'default',
  'enum',
  'pattern',
  'minLength',
  'maxLength',
  'minimum',
  'maximum',
  'minItems',
  'maxItems',
  'maxProperties',
  'items',
  'properties',
  'additionalProperties',
  'required',
  'x-kubernetes-validations',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
]);
const documentation = new Set<string>(Object.values(docKeys));

/** The schema with documentation keys still in it. */
export function toDocumented(schema: z.ZodType): DocSchema {
  return z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input', reused: 'inline' }) as DocSchema;
}

export function toStructural(schema: z.ZodType, path: string): StructuralSchema {
  return convert(toDocumented(schema), path);
}

function convert(node: DocSchema, path: string): StructuralSchema {
  const out: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(node)) {
    if (documentation.has(key)) continue;
    if (!kept.has(key)) throw new Error(`${path}: a CRD cannot carry "${key}"`);
    out[key] = value;
  }
  if (out['type'] === undefined) throw new Error(`${path}: has no single type`);
  if (out['description'] === undefined) throw new Error(`${path}: has no description`);
  if (out['type'] === 'integer') dropSafeBounds(out);
  if (out['minItems'] === 0) delete out['minItems'];
  if (typeof out['pattern'] === 'string' && out['pattern'].includes('(?'))
    throw new Error(`${path}: look-around and groups with ? are not portable`);
  if (out['properties'] !== undefined)
    out['properties'] = mapValues(out['properties'] as Record<string, DocSchema>, (child, name) =>
      convert(child, `${path}.${name}`),
    );
  if (out['items'] !== undefined) out['items'] = convert(out['items'] as DocSchema, `${path}[]`);
  if (out['additionalProperties'] !== undefined)
    out['additionalProperties'] = convert(out['additionalProperties'] as DocSchema, `${path}{}`);
  requireBounds(out, path);
  return out as unknown as StructuralSchema;
}

function dropSafeBounds(node: Record<string, unknown>): void {
  if (node['minimum'] === Number.MIN_SAFE_INTEGER) delete node['minimum'];
  if (node['maximum'] === Number.MAX_SAFE_INTEGER) {
    delete node['maximum'];
    node['format'] = 'int64';
  }
}

function requireBounds(node: Record<string, unknown>, path: string): void {
  const { type } = node;
  if (type === 'string' && node['enum'] === undefined && node['maxLength'] === undefined)
    throw new Error(`${path}: a string needs maxLength`);
  if (type === 'array' && node['maxItems'] === undefined) throw new Error(`${path}: a list needs maxItems`);
  if (node['additionalProperties'] !== undefined && node['maxProperties'] === undefined)
    throw new Error(`${path}: a map needs maxProperties`);
  if (node['additionalProperties'] !== undefined && node['properties'] !== undefined)
    throw new Error(`${path}: an object is either a map or has members`);
}

export function mapValues<A, B>(
  record: Readonly<Record<string, A>>,
  change: (value: A, key: string) => B,
): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value, key)]));
}
