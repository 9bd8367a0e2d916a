/**
 * The structural half of validation: what the API server checks against the OpenAPI schema, plus unknown fields (which it prunes, and
 * `kubectl apply` refuses). Lengths count code points, as Kubernetes does. Runs on the value after defaults; needs no CEL.
 */
import { forms } from '../units/index.ts';
import { nearest } from '../suggest/index.ts';
import { childSchema, isPlainObject } from '../structural/index.ts';
import type { StructuralSchema } from '../structural/index.ts';
import type { Issue } from './issue.ts';

const mostIssues = 100;

export function checkStructure(schema: StructuralSchema, value: unknown, path: string): Issue[] {
  const issues: Issue[] = [];
  check(schema, value, path, issues);
  return issues.slice(0, mostIssues);
}

function check(schema: StructuralSchema, value: unknown, path: string, issues: Issue[]): void {
  if (issues.length >= mostIssues) return;
  if (value === null && schema.nullable === true) return;
  if (!hasType(schema, value)) {
    issues.push({
      path,
      code: 'type',
      message: `must be ${article(schema.type)}, not ${describe(value)}`,
      next: typeHint(schema, value),
    });
    return;
  }
  if (typeof value === 'string') checkString(schema, value, path, issues);
  else if (typeof value === 'number') checkNumber(schema, value, path, issues);
  else if (Array.isArray(value)) checkList(schema, value, path, issues);
  else if (isPlainObject(value)) checkObject(schema, value, path, issues);
}

function hasType(schema: StructuralSchema, value: unknown): boolean {
  if (schema.type === 'array') return Array.isArray(value);
  if (schema.type === 'object') return isPlainObject(value);
  if (schema.type === 'integer') return typeof value === 'number' && Number.isInteger(value);
  return typeof value === schema.type;
}

function checkString(schema: StructuralSchema, value: string, path: string, issues: Issue[]): void {
  if (schema.enum !== undefined && !schema.enum.includes(value)) {
    const guess = nearest(value, schema.enum);
    const next = guess === undefined ? '' : `did you mean ${guess}?`;
    issues.push({ path, code: 'value', message: `must be ${oneOf(schema.enum)}, not ${quote(value)}`, next });
    return;
  }
  const length = codePoints(value);
  if (schema.minLength !== undefined && length < schema.minLength) {
    issues.push({
      path,
      code: 'length',
      message: length === 0 ? 'must not be empty' : `must have at least ${schema.minLength} characters`,
      next: '',
    });
  } else if (schema.maxLength !== undefined && length > schema.maxLength) {
    issues.push({
      path,
      code: 'length',
      message: `must have at most ${schema.maxLength} characters, not ${length}`,
      next: '',
    });
  } else if (schema.pattern !== undefined && !new RegExp(schema.pattern, 'u').test(value)) {
    issues.push({
      path,
      code: 'value',
      message: `${quote(value)} does not have the right form`,
      next: patternHint(schema),
    });
  }
}

function checkNumber(schema: StructuralSchema, value: number, path: string, issues: Issue[]): void {
  const { minimum, maximum } = schema;
  if ((minimum === undefined || value >= minimum) && (maximum === undefined || value <= maximum)) return;
  const bound = maximum === undefined ? `at least ${minimum}` : `between ${minimum ?? '-'} and ${maximum}`;
  issues.push({ path, code: 'value', message: `must be ${bound}, not ${value}`, next: '' });
}

function checkList(schema: StructuralSchema, value: readonly unknown[], path: string, issues: Issue[]): void {
  if (schema.maxItems !== undefined && value.length > schema.maxItems) {
    issues.push({
      path,
      code: 'length',
      message: `must have at most ${schema.maxItems} entries, not ${value.length}`,
      next: '',
    });
    return;
  }
  if (schema.minItems !== undefined && value.length < schema.minItems) {
    issues.push({
      path,
      code: 'length',
      message: `must have at least ${schema.minItems} ${schema.minItems === 1 ? 'entry' : 'entries'}`,
      next: '',
    });
  }
  const { items } = schema;
  if (items !== undefined)
    for (const [index, entry] of value.entries()) check(items, entry, `${path}[${index}]`, issues);
  checkUnique(schema, value, path, issues);
}

/** `x-kubernetes-list-type`: no value twice in a set, no two items with equal keys in a map. */
function checkUnique(schema: StructuralSchema, value: readonly unknown[], path: string, issues: Issue[]): void {
  const kind = schema['x-kubernetes-list-type'];
  if (kind !== 'set' && kind !== 'map') return;
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const seen = new Map<string, number>();
  for (const [index, entry] of value.entries()) {
    const identity = JSON.stringify(
      kind === 'set' ? entry : isPlainObject(entry) ? keys.map((key) => entry[key]) : index,
    );
    const first = seen.get(identity);
    if (first === undefined) seen.set(identity, index);
    else {
      const what = kind === 'set' ? 'value' : keys.join(', ');
      issues.push({
        path: `${path}[${index}]`,
        code: 'duplicate',
        message: `same ${what} as ${path}[${first}]`,
        next: 'remove one of them',
      });
    }
  }
}

function checkObject(schema: StructuralSchema, value: Record<string, unknown>, path: string, issues: Issue[]): void {
  const { properties = {}, additionalProperties } = schema;
  const count = Object.keys(value).length;
  if (schema.maxProperties !== undefined && count > schema.maxProperties) {
    issues.push({
      path,
      code: 'length',
      message: `must have at most ${schema.maxProperties} entries, not ${count}`,
      next: '',
    });
    return;
  }
  for (const name of schema.required ?? []) {
    if (!Object.hasOwn(value, name))
      issues.push({
        path: join(path, name),
        code: 'required',
        message: 'is required',
        next: requiredHint(properties[name]),
      });
  }
  for (const [name, entry] of Object.entries(value)) {
    const child = childSchema(schema, name);
    if (child !== undefined) check(child, entry, join(path, name), issues);
    else if (additionalProperties === undefined) issues.push(unknownField(path, name, Object.keys(properties)));
  }
}

export function unknownField(path: string, name: string, known: readonly string[]): Issue {
  const guess = nearest(name, known);
  const listed = known.length === 0 ? 'nothing goes here' : `known here: ${known.slice(0, 30).join(', ')}`;
  return {
    path: join(path, name),
    code: 'unknownField',
    message: 'unknown field',
    next: guess === undefined ? listed : `did you mean ${guess}?`,
  };
}

const plainName = /^[A-Za-z_][A-Za-z0-9_-]*$/;

export function join(path: string, name: string): string {
  if (!plainName.test(name)) return `${path}[${JSON.stringify(name)}]`;
  return path === '' ? name : `${path}.${name}`;
}

function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/** In words where the form has a name, else the pattern with what the field is for. */
function patternHint({ pattern = '', description }: StructuralSchema): string {
  const words = forms.get(pattern);
  if (words !== undefined) return words;
  return description === undefined ? `expected ${pattern}` : `expected ${pattern} (${firstSentence(description)})`;
}

function requiredHint(schema: StructuralSchema | undefined): string {
  if (schema?.enum !== undefined) return `write ${oneOf(schema.enum)}`;
  return schema?.description === undefined ? '' : `add it: ${firstSentence(schema.description)}`;
}

function typeHint(schema: StructuralSchema, value: unknown): string {
  if (schema.type === 'string' && (typeof value === 'number' || typeof value === 'boolean')) {
    const fits = schema.pattern === undefined || new RegExp(schema.pattern, 'u').test(String(value));
    return fits ? `put it in quotes: "${value}"` : patternHint(schema);
  }
  if ((schema.type === 'integer' || schema.type === 'boolean') && typeof value === 'string') return 'remove the quotes';
  if (schema.type === 'array' && value !== null && value !== undefined)
    return 'put it in brackets, or write it as a list with -';
  return '';
}

/** Cut at the first full stop, lower-cased unless the first word is an abbreviation or name (`URL`, `MCP`). */
function firstSentence(text: string): string {
  const cut = text.replace(/\.(\s.*)?$/s, '');
  return /^[A-Z][a-z ]/.test(cut) ? cut.charAt(0).toLowerCase() + cut.slice(1) : cut;
}

const oneOf = (values: readonly string[]): string =>
  values.length === 1 ? String(values[0]) : `one of ${values.join(', ')}`;
const article = (type: string): string =>
  type === 'array' ? 'a list' : type === 'integer' ? 'a whole number' : type === 'object' ? 'an object' : `a ${type}`;
/** A URL is shown without what may let somebody in: its user, and all of its query. */
const withoutSecrets = (value: string): string =>
  value.includes('://') ? value.replace(/(:\/\/)[^/\s]*@/, '$1...@').replace(/\?.*/s, '?...') : value;
const shortened = (value: string): string => (value.length > 80 ? `${value.slice(0, 77)}...` : value);
const quote = (value: string): string => JSON.stringify(shortened(withoutSecrets(value)));

function describe(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  return typeof value === 'string' ? quote(value) : String(value);
}
