/**
 * An object of the manifests on its way to a terminal, a pipe or a ticket (`qm get -o yaml`, `qm describe`): what its fields show of secrets is
 * masked. References stay readable. What runs is never touched: this is a copy.
 *
 * Masked are values of headers, of variables and flags whose name says "secret", credentials in URLs, and tokens known by their shape.
 */
import { maskSecrets } from '../../base/index.ts';

type Json = unknown;

const mask = '[masked]';

export function maskedObject(object: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  // Status is made of the hub's own words, which speak of secrets and hold none.
  return 'spec' in object ? { ...object, spec: masked(object['spec'], '') } : object;
}

function masked(value: Json, key: string): Json {
  if (typeof value === 'string') return maskSecrets(value);
  if (Array.isArray(value)) return key === 'headers' ? value.map(maskedHeader) : value.map(maskedEntry);
  if (typeof value !== 'object' || value === null) return value;
  const { name, value: held } = value as { readonly name?: Json; readonly value?: Json };
  const copy = Object.fromEntries(Object.entries(value).map(([field, one]) => [field, masked(one, field)]));
  return typeof name === 'string' && typeof held === 'string' && isSecret(name, '=', held)
    ? { ...copy, value: mask }
    : copy;
}

/** A header that a manifest sets by hand is there to let somebody in. */
function maskedHeader(header: Json): Json {
  const copy = masked(header, '');
  return typeof copy === 'object' && copy !== null && 'value' in copy ? { ...copy, value: mask } : copy;
}

/** `--token`, `abc`: the flag tells what follows. */
function maskedEntry(entry: Json, at: number, list: readonly Json[]): Json {
  const before = list[at - 1];
  const follows = typeof entry === 'string' && typeof before === 'string' && before.startsWith('-');
  return follows && isSecret(before, ' ', entry) ? mask : masked(entry, '');
}

function isSecret(name: string, separator: string, value: string): boolean {
  const text = `${name}${separator}${value}`;
  return maskSecrets(text) !== text;
}
