/**
 * Building blocks of the kinds' schemas. A string, list or map cannot be written here without its bound and its description:
 * the API server refuses CEL rules over unbounded values, and a reader of `kubectl explain` deserves a sentence.
 */
import { z } from 'zod';

/** A CEL rule as it stands in the CRD. The message says what is wrong and how to put it right. */
export interface Rule {
  readonly rule: string;
  readonly message: string;
}

export interface Extras {
  readonly rules?: readonly Rule[];
  readonly example?: unknown;
  /** Shown in the reference when the default is not a constant (`the hub's value`). */
  readonly defaultNote?: string;
}

interface TextBounds extends Extras {
  readonly max: number;
  readonly min?: number;
  readonly pattern?: string;
}

/** Keys that only the generators read; they never reach a generated file. */
export const docKeys = { example: 'x-doc-example', defaultNote: 'x-doc-default', oneOf: 'x-doc-one-of' } as const;

export function annotate(
  description: string,
  extras: Extras,
  more: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  return {
    description,
    ...(extras.rules === undefined ? {} : { 'x-kubernetes-validations': extras.rules }),
    ...(extras.example === undefined ? {} : { [docKeys.example]: extras.example }),
    ...(extras.defaultNote === undefined ? {} : { [docKeys.defaultNote]: extras.defaultNote }),
    ...more,
  };
}

export function text(description: string, bounds: TextBounds) {
  let schema = z.string().max(bounds.max);
  if (bounds.min !== undefined) schema = schema.min(bounds.min);
  if (bounds.pattern !== undefined) schema = schema.regex(new RegExp(bounds.pattern));
  return schema.meta(annotate(description, bounds));
}

/**
 * kubectl follows YAML 1.1: unquoted, these are no text, neither in a manifest nor as the default in a CRD. `True` and `False` stand in status, which
 * programs write.
 */
const yamlBoolean = /^(?:[Yy]|[Nn]|[Yy]es|YES|[Nn]o|NO|[Oo]n|ON|[Oo]ff|OFF|true|false|TRUE|FALSE)$/;

export function choice<const T extends readonly [string, ...string[]]>(
  description: string,
  values: T,
  extras: Extras = {},
) {
  const wrong = values.find((value) => yamlBoolean.test(value));
  if (wrong !== undefined) throw new Error(`kubectl would read ${wrong} as a boolean; choose another word`);
  return z.enum(values).meta(annotate(description, extras));
}

export function integer(description: string, bounds: Extras & { readonly min: number; readonly max: number }) {
  return z.int().min(bounds.min).max(bounds.max).meta(annotate(description, bounds));
}

export function flag(description: string, extras: Extras = {}) {
  return z.boolean().meta(annotate(description, extras));
}

interface ListBounds extends Extras {
  readonly max: number;
  readonly min?: number;
  /** `set`: no value twice. `map`: no two items with equal `keys`. `atomic` (default): owned as a whole. */
  readonly type?: 'atomic' | 'set' | 'map';
  readonly keys?: readonly string[];
}

export function list<T extends z.ZodType>(description: string, item: T, bounds: ListBounds) {
  const schema = z
    .array(item)
    .max(bounds.max)
    .min(bounds.min ?? 0);
  return schema.meta(
    annotate(description, bounds, {
      'x-kubernetes-list-type': bounds.type ?? 'atomic',
      ...(bounds.keys === undefined ? {} : { 'x-kubernetes-list-map-keys': bounds.keys }),
    }),
  );
}

export function map<T extends z.ZodType>(description: string, value: T, bounds: Extras & { readonly max: number }) {
  return z.record(z.string(), value).meta(annotate(description, bounds, { maxProperties: bounds.max }));
}

export function object<T extends z.ZodRawShape>(description: string, shape: T, extras: Extras = {}) {
  return z.object(shape).meta(annotate(description, extras));
}

/** An object of which exactly one of the given members is set. */
export function oneOf<T extends z.ZodRawShape>(
  description: string,
  shape: T,
  members: readonly (keyof T & string)[],
  extras: Extras = {},
) {
  const names = members.join(', ');
  const rule: Rule = {
    rule: `[${members.map((name) => `has(self.${name})`).join(', ')}].filter(x, x).size() == 1`,
    message: `set exactly one of ${names}`,
  };
  const annotations = annotate(
    description,
    { ...extras, rules: [rule, ...(extras.rules ?? [])] },
    { [docKeys.oneOf]: members },
  );
  return z.object(shape).meta(annotations);
}
