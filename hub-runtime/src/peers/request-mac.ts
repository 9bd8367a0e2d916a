/**
 * The signature on every request between replicas: HMAC-SHA-256 under a key derived from the sealing key of their hub, over who sends it to
 * whom, when, its number, method, URL, headers and a digest of the body.
 *
 * The receiver looks at the head before it reads the body, and at the digest when the body is there. What is not signed (Host, Connection,
 * Content-Length) belongs to the connection and decides nothing.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

import type { Clock } from '../base/index.ts';
import type { KeyRing } from '../session/index.ts';
import { ReplayGuard } from './replay-guard.ts';

export const signatureHeader = 'x-quaymaster-peer';
const purpose = 'quaymaster peers mac 1';
/** How far the clocks of two replicas may be apart. */
export const skewMs = 60_000;
const version = '1';
const unsigned = new Set(['host', 'connection', 'content-length', 'keep-alive', 'transfer-encoding', signatureHeader]);

export interface SignedHead {
  readonly method: string;
  readonly url: string;
  /** Names and values in turn. */
  readonly headers: readonly string[];
}

export type Verdict =
  | { readonly ok: true; readonly from: string; readonly bodyDigest: string }
  | { readonly ok: false; readonly reason: 'missing' | 'malformed' | 'key' | 'time' | 'signature' | 'replay' };

export interface RequestMac {
  sign(head: SignedHead, to: string, body: Buffer | undefined): string;
  verify(head: SignedHead, header: string | undefined): Verdict;
}

export interface RequestMacOptions {
  /** Digest that names this replica. */
  readonly self: string;
  /** Tells the lives of this process apart: numbers begin anew with each. */
  readonly life: string;
  readonly keys: KeyRing;
  readonly clock: Clock;
}

const shape = /^[A-Za-z0-9_-]{1,64}$/;

export function createRequestMac({ self, life, keys, clock }: RequestMacOptions): RequestMac {
  const guard = new ReplayGuard(2 * skewMs);
  let number = 0;
  return {
    sign(head, to, body) {
      const key = keys.sealing;
      const parts = [version, key.id.toString('hex'), `${clock.now()}`, life, `${++number}`, self, digestOf(body)];
      return [...parts, mac(key.derive(purpose), parts, to, head).toString('base64url')].join('.');
    },
    verify(head, header) {
      if (header === undefined) return refused('missing');
      const parts = header.split('.');
      const given = parts.pop();
      const [format, keyId, time, sender, count, from, bodyDigest] = parts;
      if (parts.length !== 7 || given === undefined || format !== version || !parts.every((part) => shape.test(part)))
        return refused('malformed');
      const key = keys.opening.find((one) => one.id.toString('hex') === keyId);
      if (key === undefined) return refused('key');
      const expected = mac(key.derive(purpose), parts, self, head);
      const got = Buffer.from(given, 'base64url');
      if (got.length !== expected.length || !timingSafeEqual(got, expected)) return refused('signature');
      const now = clock.now();
      // Not a number is not within the limits either.
      if (!(Math.abs(now - Number(time)) <= skewMs)) return refused('time');
      if (!guard.accept(`${from} ${sender}`, Number(count), clock.monotonic())) return refused('replay');
      return { ok: true, from: from ?? '', bodyDigest: bodyDigest ?? '' };
    },
  };
}

export function digestOf(body: Buffer | undefined): string {
  return createHash('sha256')
    .update(body ?? '')
    .digest('base64url');
}

function refused(reason: Exclude<Verdict, { ok: true }>['reason']): Verdict {
  return { ok: false, reason };
}

function mac(key: Buffer, parts: readonly string[], to: string, { method, url, headers }: SignedHead): Buffer {
  // No part holds a line break: HTTP allows none in any of them.
  let text = `${parts.join('.')}\n${to}\n${method}\n${url}\n`;
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const name = (headers[at] ?? '').toLowerCase();
    if (!unsigned.has(name)) text += `${name}:${headers[at + 1]}\n`;
  }
  return createHmac('sha256', key).update(text, 'latin1').digest();
}
