/**
 * Names a request by what it asks: the same for every spelling of the same JSON, another one for anything else.
 *
 * A client may write its retry anew, with other spaces or another order of keys; what it asks must not change (2026-07-28 MRTR). Runs only for
 * requests with questions. The envelope and what belongs to the round are left out.
 */
import { createHash } from 'node:crypto';

import { objectRaw, parseRaw, type ScannedObject } from '../wire/index.ts';

const perRound: ReadonlySet<string> = new Set(['_meta', 'inputResponses', 'requestState']);

export function canonicalDigest(method: string, params: ScannedObject | undefined): string {
  const value = params === undefined ? {} : (parseRaw(objectRaw(params)) as Record<string, unknown>);
  const asked = Object.entries(value).filter(([key]) => !perRound.has(key));
  const text = JSON.stringify([method, Object.fromEntries(asked)], sorted);
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}

function sorted(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  // Entries, not an object: keys that look like numbers would be moved, and `__proto__` would vanish.
  return { '': Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1)) };
}
