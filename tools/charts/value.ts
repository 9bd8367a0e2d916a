/** Building blocks of a chart's values: each says what it means, what it may be and what it is by default. */
export interface JsonSchema {
  readonly [keyword: string]: unknown;
}

export interface Leaf {
  readonly about: string;
  readonly schema: JsonSchema;
  readonly value: unknown;
}

export interface Group {
  readonly about?: string;
  /** Keys beside these are let through: only for `global`, which charts share. */
  readonly open?: true;
  readonly members: Members;
}

export type Members = Readonly<Record<string, Leaf | Group>>;

export const isGroup = (node: Leaf | Group): node is Group => 'members' in node;

export function group(members: Members, about?: string): Group {
  return about === undefined ? { members } : { about, members };
}

export function flag(value: boolean, about: string): Leaf {
  return { about, value, schema: { type: 'boolean' } };
}

export function choice(value: string, among: readonly string[], about: string): Leaf {
  return { about, value, schema: { enum: among } };
}

export function text(value: string, about: string, pattern?: string): Leaf {
  return { about, value, schema: { type: 'string', ...(pattern === undefined ? {} : { pattern }) } };
}

export function number(value: number, [minimum, maximum]: readonly [number, number], about: string): Leaf {
  return { about, value, schema: { type: 'integer', minimum, maximum } };
}

export function list(value: readonly unknown[], items: JsonSchema, about: string, rest: JsonSchema = {}): Leaf {
  return { about, value, schema: { type: 'array', items, ...rest } };
}

export function map(
  value: Readonly<Record<string, unknown>>,
  about: string,
  additionalProperties: JsonSchema = { type: 'string' },
  rest: JsonSchema = {},
): Leaf {
  return { about, value, schema: { type: 'object', additionalProperties, ...rest } };
}

/** With a schema of its own; without one an object of the Kubernetes API, whose server knows best what it may hold. */
export function shaped(value: unknown, about: string, schema: JsonSchema = { type: 'object' }): Leaf {
  return { about, value, schema };
}

export const orNothing = (pattern: string): string => `^$|${pattern}`;
