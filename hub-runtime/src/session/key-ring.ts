/**
 * The keys that all replicas of a hub share, and what is derived from them.
 *
 * A rotation reaches replicas at different times (a mounted Secret takes a minute or more), so a key that is new opens at once and seals only
 * after `settleMs`, when everybody can open what it sealed. Where the old key is already gone there is nothing to wait for. A session id lives
 * as long as a key that opens it: whoever rotates keeps the old one for as long as sessions shall survive.
 */
import { createHash, hkdfSync } from 'node:crypto';

import type { Clock } from '../base/index.ts';

export interface RingKey {
  /** Says which key it is and nothing about it. */
  readonly id: Buffer;
  readonly key: Buffer;
  /** A key of its own for one purpose (HKDF, RFC 5869). */
  derive(purpose: string): Buffer;
}

export interface KeyRing {
  readonly sealing: RingKey;
  readonly opening: readonly RingKey[];
  /** The new keys, the one that is to seal first. */
  replace(keys: readonly Buffer[]): void;
}

const keyBytes = 32;
const keyIdBytes = 4;
const mostPurposes = 16;

export function createKeyRing(keys: readonly Buffer[], clock: Clock, settleMs: number): KeyRing {
  let opening = keys.map(ringKey);
  let sealing = first(opening);
  let next: { readonly key: RingKey; readonly at: number } | undefined;
  return {
    get sealing() {
      if (next !== undefined && clock.monotonic() >= next.at) {
        sealing = next.key;
        next = undefined;
      }
      return sealing;
    },
    get opening() {
      return opening;
    },
    replace(replacement) {
      const known = (key: RingKey, among: readonly RingKey[]): RingKey | undefined =>
        among.find((one) => one.key.equals(key.key));
      const ring = replacement.map(ringKey).map((one) => known(one, opening) ?? one);
      const wanted = first(ring);
      const still = known(sealing, ring);
      if (still === undefined || wanted === still) {
        sealing = wanted;
        next = undefined;
      } else if (next?.key !== wanted) {
        // One that opened before has been everywhere for as long as it was here.
        next = { key: wanted, at: clock.monotonic() + (opening.includes(wanted) ? 0 : settleMs) };
      }
      opening = ring;
    },
  };
}

function first(keys: readonly RingKey[]): RingKey {
  const key = keys[0];
  if (key === undefined) throw new RangeError('a key ring needs a key');
  return key;
}

function ringKey(key: Buffer): RingKey {
  if (key.length !== keyBytes) throw new RangeError(`a sealing key has ${keyBytes} bytes`);
  const derived = new Map<string, Buffer>();
  return {
    id: createHash('sha256').update('quaymaster key id').update(key).digest().subarray(0, keyIdBytes),
    key,
    derive(purpose) {
      let made = derived.get(purpose);
      if (made === undefined) {
        made = Buffer.from(hkdfSync('sha256', key, Buffer.alloc(0), purpose, keyBytes));
        if (derived.size < mostPurposes) derived.set(purpose, made);
      }
      return made;
    },
  };
}
