/** Content hashes: equal content gives equal hashes, whatever the order in which keys were written. */
import { createHash } from 'node:crypto';

/** JSON with sorted keys; undefined members are left out. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, entry: unknown) =>
    typeof entry === 'object' && entry !== null && !Array.isArray(entry)
      ? Object.fromEntries(Object.entries(entry).toSorted(([a], [b]) => compareText(a, b)))
      : entry,
  );
}

/** First 16 hex characters of the sha256 of the canonical JSON. */
export function contentHash(value: unknown): string {
  return textHash(canonicalJson(value));
}

/** The same of what is canonical JSON already. */
export function textHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** Code unit order: the same on every machine, unlike localeCompare. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
