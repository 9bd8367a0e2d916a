/** The subset of OpenAPI v3 that Kubernetes calls a structural schema, as far as our kinds use it. */
export interface ValidationRule {
  readonly rule: string;
  readonly message: string;
}

export interface StructuralSchema {
  readonly type: 'object' | 'array' | 'string' | 'integer' | 'boolean';
  readonly description?: string;
  readonly nullable?: boolean;
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly format?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly maxProperties?: number;
  readonly items?: StructuralSchema;
  readonly properties?: Readonly<Record<string, StructuralSchema>>;
  readonly additionalProperties?: StructuralSchema;
  readonly required?: readonly string[];
  readonly 'x-kubernetes-validations'?: readonly ValidationRule[];
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
}

/** Visits a schema and all below it; `path` is written like an issue path, with `[]` for items and `{}` for map values. */
export function walkSchema(
  schema: StructuralSchema,
  visit: (node: StructuralSchema, path: string) => void,
  path = '',
): void {
  visit(schema, path);
  for (const [name, child] of Object.entries(schema.properties ?? {}))
    walkSchema(child, visit, path === '' ? name : `${path}.${name}`);
  if (schema.items !== undefined) walkSchema(schema.items, visit, `${path}[]`);
  if (schema.additionalProperties !== undefined) walkSchema(schema.additionalProperties, visit, `${path}{}`);
}
