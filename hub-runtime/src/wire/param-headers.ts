/**
 * `x-mcp-header`: tool arguments mirrored as `Mcp-Param-*` headers (2026-07-28 Streamable HTTP, SEP-2243).
 *
 * `paramHeadersOf` runs once per tool when a list arrives; the other two only on calls of tools that declare such headers, which are
 * rare, so parsing the arguments is fine there. A tool whose declarations are illegal must not be offered over HTTP.
 */
import { memberRaw } from './edit.ts';
import { decodeHeaderValue, encodeHeaderValue } from './headers.ts';
import { encodeText, parseRaw, type RawJson } from './raw.ts';
import { scanObject } from './scan-values.ts';

export interface ParamHeader {
  /** Full header name in lower case, `mcp-param-region`. */
  readonly header: string;
  /** Keys from the root of `arguments`. */
  readonly path: readonly string[];
  readonly type: 'string' | 'integer' | 'boolean';
}

export type ParamHeaders = { readonly headers: readonly ParamHeader[] } | { readonly fault: string };

const annotation = 'x-mcp-header';
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const decimal = /^-?\d+(\.\d+)?$/;
const maxDepth = 64;
/** A request has room for a hundred headers (downstream/http/listener.ts), and others need some. */
const maxDeclared = 64;
/** What is here has been scanned within the limits of its edge. */
const argumentLimits = { depth: 4_096, nodes: Number.MAX_SAFE_INTEGER } as const;

/** Keywords under which no annotation may stand: only chains of `properties` are allowed. */
const elsewhere: readonly string[] = [
  'items',
  'prefixItems',
  'contains',
  'additionalProperties',
  'unevaluatedProperties',
  'unevaluatedItems',
  'propertyNames',
  'patternProperties',
  'dependentSchemas',
  'oneOf',
  'anyOf',
  'allOf',
  'not',
  'if',
  'then',
  'else',
  '$defs',
  'definitions',
];
const maps = new Set(['patternProperties', 'dependentSchemas', '$defs', 'definitions']);

/** What a tool's inputSchema declares. Cheap when the schema never says `x-mcp-header`. */
export function paramHeadersOf(inputSchema: RawJson): ParamHeaders {
  if (!inputSchema.includes(annotation)) return { headers: [] };
  const headers: ParamHeader[] = [];
  const fault = visit(parseRaw(inputSchema), [], true, headers);
  return fault === undefined ? { headers } : { fault };
}

function visit(node: unknown, path: readonly string[], reachable: boolean, found: ParamHeader[]): string | undefined {
  if (!isObject(node) || path.length > maxDepth) return undefined;
  if (Object.hasOwn(node, annotation)) {
    const fault = declare(node, path, reachable, found);
    if (fault !== undefined) return fault;
  }
  const properties = node['properties'];
  if (isObject(properties))
    for (const key of Object.keys(properties)) {
      const fault = visit(properties[key], [...path, key], reachable, found);
      if (fault !== undefined) return fault;
    }
  for (const keyword of elsewhere) {
    const value = node[keyword];
    if (value === undefined) continue;
    const branches = Array.isArray(value)
      ? value
      : maps.has(keyword) && isObject(value)
        ? Object.values(value)
        : [value];
    for (const branch of branches) {
      const fault = visit(branch, [...path, keyword], false, found);
      if (fault !== undefined) return fault;
    }
  }
  return undefined;
}

function declare(
  node: Record<string, unknown>,
  path: readonly string[],
  reachable: boolean,
  found: ParamHeader[],
): string | undefined {
  const where = path.length === 0 ? 'the root' : path.join('.');
  const name = node[annotation];
  const type = node['type'];
  if (!reachable || path.length === 0) return `${annotation} at ${where} is not reachable through properties alone`;
  if (typeof name !== 'string' || !token.test(name)) return `${annotation} at ${where} is not a header name`;
  if (type !== 'string' && type !== 'integer' && type !== 'boolean')
    return `${annotation} at ${where} needs type string, integer or boolean`;
  const header = `mcp-param-${name.toLowerCase()}`;
  if (found.length >= maxDeclared) return `${annotation} stands at more than ${maxDeclared} properties`;
  if (found.some((other) => other.header === header)) return `${annotation} "${name}" is declared twice`;
  found.push({ header, path, type });
  return undefined;
}

/** Headers for a call on its way to a server: names and encoded values. Absent or null arguments give none. */
export function paramHeaderValues(
  declared: readonly ParamHeader[],
  args: RawJson | undefined,
): readonly (readonly [name: string, value: string])[] {
  const out: [string, string][] = [];
  if (declared.length === 0 || args === undefined) return out;
  const root = parseRaw(args);
  for (const one of declared) {
    const text = textOf(valueAt(root, one.path));
    if (text !== undefined) out.push([one.header, encodeHeaderValue(encodeText(text))]);
  }
  return out;
}

/** Why headers and arguments of an incoming call disagree; undefined when they agree. Headers nobody declared are ignored. */
export function paramHeaderFault(
  declared: readonly ParamHeader[],
  args: RawJson | undefined,
  headers: Readonly<Record<string, string | string[] | undefined>>,
): string | undefined {
  if (declared.length === 0) return undefined;
  const root = args === undefined ? undefined : parseRaw(args);
  for (const one of declared) {
    const value = valueAt(root, one.path);
    if (args !== undefined && isAmbiguous(args, one.path))
      return `arguments.${one.path.join('.')} cannot be read in one way: a key stands twice`;
    const text = textOf(value);
    if (text === undefined) continue;
    const header = headers[one.header];
    if (typeof header !== 'string') return `${one.header} is missing though arguments.${one.path.join('.')} is given`;
    const decoded = decodeHeaderValue(header);
    if (decoded === undefined) return `${one.header} is not a valid header value`;
    const same =
      typeof value === 'number' && decimal.test(decoded) ? Number(decoded) === value : decoded === encodeText(text);
    if (!same) return `${one.header} differs from arguments.${one.path.join('.')}`;
  }
  return undefined;
}

/**
 * Parsers differ in which of two equal keys counts: whoever goes by the header and whoever goes by the body would see two calls. Deeper than what is
 * mirrored, keys may stand twice as they do everywhere in arguments.
 */
function isAmbiguous(args: RawJson, path: readonly string[]): boolean {
  let raw: RawJson | undefined = args;
  for (const key of path) {
    if (raw?.charCodeAt(0) !== 123) return false;
    const object = scanObject(raw, argumentLimits);
    if (object === undefined) return true;
    raw = memberRaw(object, encodeText(key));
  }
  return false;
}

function valueAt(root: unknown, path: readonly string[]): unknown {
  let node = root;
  for (const key of path) {
    if (!isObject(node) || !Object.hasOwn(node, key)) return undefined;
    node = node[key];
  }
  return node;
}

/** Text of a primitive by the conversion rules of the spec; undefined = no header. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  if (typeof value !== 'number' || !Number.isFinite(value)) return undefined;
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? undefined : String(value);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
