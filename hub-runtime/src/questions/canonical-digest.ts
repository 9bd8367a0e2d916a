/**
 * Names a request by what it asks: the same for every spelling of the same JSON, another one for anything else.
 *
 * A client may write its retry anew, with other spaces or another order of keys; what it asks must not change (2026-07-28 MRTR). Runs only for
 * requests with questions. The envelope and what belongs to the round are left out.
 */
import { createHash } from 'node:crypto';

import { emptyObject, objectRaw, rawOf, type ScannedObject } from '../wire/index.ts';
import { canonicalObject } from './canonical-text.ts';

const perRound: ReadonlySet<string> = new Set(['_meta', 'inputResponses', 'requestState']);

export function canonicalDigest(method: string, params: ScannedObject | undefined): string {
  const asked = canonicalObject(params === undefined ? emptyObject : objectRaw(params), perRound);
  return createHash('sha256')
    .update(`${rawOf(method)} ${asked}`, 'latin1')
    .digest('base64url')
    .slice(0, 22);
}
