/**
 * `key=value` from a command line as the JSON a tool expects, by the types of its input schema.
 *
 * What the schema leaves open stays text; `key:=JSON` and `--json` say it exactly. Values are never guessed against the schema: a number where
 * text is declared stays text. The server validates; this only reads.
 */
import { CliError, exitCode } from './exit-codes.ts';

type Json = Readonly<Record<string, unknown>>;

export function toolArguments(pairs: readonly string[], json: string | undefined, schema: unknown): Json {
  const out: Record<string, unknown> = json === undefined ? {} : { ...objectOf(json) };
  const properties = propertiesOf(schema);
  for (const pair of pairs) {
    const match = /^([^=]+?)(:?=)(.*)$/s.exec(pair);
    if (match === null) throw new CliError(exitCode.usage, `"${pair}" is no argument`, 'write key=value, or key:=JSON');
    const [, key = '', sign, value = ''] = match;
    const typed = sign === ':=' ? parse(value, key) : byType(value, key, properties[key]);
    define(out, key, typed);
  }
  return out;
}

/** Own property, whatever its name. */
function define(out: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(out, key, { value, enumerable: true, writable: true, configurable: true });
}

function objectOf(text: string): Json {
  const value = parse(text, '--json');
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new CliError(exitCode.usage, '--json is no JSON object', 'write --json \'{"key": "value"}\'');
  return value as Json;
}

function parse(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CliError(exitCode.usage, `${where} is no JSON: ${(error as Error).message}`);
  }
}

function propertiesOf(schema: unknown): Readonly<Record<string, unknown>> {
  const properties = (schema as { properties?: unknown } | undefined)?.properties;
  return typeof properties === 'object' && properties !== null ? (properties as Record<string, unknown>) : {};
}

function byType(text: string, key: string, schema: unknown): unknown {
  const types = typesOf(schema);
  const wrong = (what: string): CliError =>
    new CliError(exitCode.usage, `${key}: "${text}" is no ${what}`, 'the tool declares it so');
  if (types.includes('null') && text === 'null') return null;
  if (types.includes('string') || types.length === 0) return text;
  if (types.includes('boolean') && (text === 'true' || text === 'false')) return text === 'true';
  if (types.includes('number') || types.includes('integer')) {
    const value = Number(text);
    if (text.trim() !== '' && Number.isFinite(value) && (types.includes('number') || Number.isInteger(value)))
      return value;
    if (!types.includes('object') && !types.includes('array')) throw wrong(types.join(' or '));
  }
  if (types.includes('array')) return arrayOf(text, key, schema);
  if (types.includes('object')) return parse(text, key);
  throw wrong(types.join(' or '));
}

/** JSON, or a plain list with commas. */
function arrayOf(text: string, key: string, schema: unknown): unknown {
  if (text.trimStart().startsWith('[')) return parse(text, key);
  const items = (schema as { items?: unknown }).items;
  return text === '' ? [] : text.split(',').map((one) => byType(one, key, items));
}

function typesOf(schema: unknown): readonly string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const { type, anyOf, oneOf } = schema as { type?: unknown; anyOf?: unknown; oneOf?: unknown };
  if (typeof type === 'string') return [type];
  if (Array.isArray(type)) return type.filter((one) => typeof one === 'string');
  const choices = Array.isArray(anyOf) ? anyOf : Array.isArray(oneOf) ? oneOf : [];
  return choices.flatMap(typesOf);
}
