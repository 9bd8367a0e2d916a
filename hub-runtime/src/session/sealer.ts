/**
 * Sealed tokens: small JSON values that clients carry for the hub and can neither read nor change (session ids, cursors).
 *
 * AES-256-GCM. A token is base64url of `key id (4) | nonce (12) | ciphertext | tag (16)`; the purpose is authenticated with it, so a
 * cursor never passes for a session. One key of the ring seals, all of them open.
 * The nonce is random: good for 2^32 tokens per key (NIST SP 800-38D 8.3), far beyond what a hub gives out between rotations.
 */
import { createCipheriv, createDecipheriv, timingSafeEqual } from 'node:crypto';

import type { Clock } from '../base/index.ts';
import { createKeyRing, type KeyRing } from './key-ring.ts';

export interface Sealer {
  /** `payload` must be JSON. With `ttlMs` the token opens no longer than that. */
  seal(purpose: string, payload: unknown, ttlMs?: number): string;
  /**
   * Undefined for anything that this hub did not seal for this purpose, or whose time is over. Never throws. `mostChars`: what is longer is not
   * even looked at; 8,192.
   */
  open(purpose: string, token: string, mostChars?: number): unknown | undefined;
}

export interface RotatingSealer extends Sealer {
  readonly keys: KeyRing;
  /** All of these open from now on; the first seals, once `settleMs` have passed. Throws, with nothing changed, for keys that are none. */
  replaceKeys(keys: readonly Buffer[]): void;
}

export type RandomBytes = (size: number) => Buffer;

const keyIdBytes = 4;
const nonceBytes = 12;
const tagBytes = 16;
const maxTokenChars = 8192;
const base64url = /^[A-Za-z0-9_-]+$/;

interface Envelope {
  /** The payload. */
  readonly p: unknown;
  /** Wall clock milliseconds of its end. */
  readonly e?: number;
}

export function createSealer(
  keys: readonly Buffer[],
  clock: Clock,
  randomBytes: RandomBytes,
  settleMs = 0,
): RotatingSealer {
  const ring = createKeyRing(keys, clock, settleMs);
  return {
    keys: ring,
    replaceKeys: (next) => ring.replace(next),
    seal(purpose, payload, ttlMs) {
      const envelope: Envelope = ttlMs === undefined ? { p: payload } : { p: payload, e: clock.now() + ttlMs };
      const nonce = randomBytes(nonceBytes);
      const { id, key } = ring.sealing;
      const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
      cipher.setAAD(Buffer.from(purpose));
      const body = [cipher.update(JSON.stringify(envelope), 'utf8'), cipher.final()];
      return Buffer.concat([id, nonce, ...body, cipher.getAuthTag()]).toString('base64url');
    },
    open(purpose, token, mostChars = maxTokenChars) {
      if (token.length > mostChars || !base64url.test(token)) return undefined;
      const bytes = Buffer.from(token, 'base64url');
      if (bytes.length <= keyIdBytes + nonceBytes + tagBytes) return undefined;
      // Several spellings of the last character decode to the same bytes: only the one that was given out counts.
      if (bytes.toString('base64url') !== token) return undefined;
      const id = bytes.subarray(0, keyIdBytes);
      const key = ring.opening.find((one) => timingSafeEqual(one.id, id));
      if (key === undefined) return undefined;
      const envelope = decrypt(key.key, purpose, bytes.subarray(keyIdBytes));
      if (envelope === undefined || (envelope.e !== undefined && clock.now() >= envelope.e)) return undefined;
      return envelope.p;
    },
  };
}

function decrypt(key: Buffer, purpose: string, sealed: Buffer): Envelope | undefined {
  const nonce = sealed.subarray(0, nonceBytes);
  const tag = sealed.subarray(sealed.length - tagBytes);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
  decipher.setAAD(Buffer.from(purpose));
  decipher.setAuthTag(tag);
  try {
    const text = decipher.update(sealed.subarray(nonceBytes, sealed.length - tagBytes), undefined, 'utf8');
    return JSON.parse(text + decipher.final('utf8')) as Envelope;
  } catch {
    return undefined;
  }
}
