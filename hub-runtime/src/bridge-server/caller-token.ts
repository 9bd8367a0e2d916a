/**
 * Who may call: whoever presents the token of this server (design 7: the bridge refuses calls without it).
 *
 * The token is a mounted file, and during a rotation there are two; the kubelet replaces them while the bridge runs. They are read again when
 * they are older than a second, and at once when a token does not fit. Compared as digests in constant time. Never logged.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';

import { bridgeSecretFiles } from '@quaymaster/crds';

import type { Clock } from '../base/index.ts';

const freshMs = 1_000;
/** Wrong tokens must not turn into a disk read each. */
const leastMs = 50;
const bearer = /^Bearer +([^\s]{1,1024})$/i;

export type ReadFile = (file: string) => string;

const readText: ReadFile = (file) => readFileSync(file, 'utf8');

export class CallerToken {
  readonly #files: readonly string[];
  readonly #clock: Clock;
  readonly #read: ReadFile;
  #digests: readonly Buffer[] = [];
  #readAt = -Infinity;

  constructor(directory: string, clock: Clock, read: ReadFile = readText) {
    this.#files = [bridgeSecretFiles.token, bridgeSecretFiles.previous].map((name) => path.join(directory, name));
    this.#clock = clock;
    this.#read = read;
  }

  accepts(authorization: string | undefined): boolean {
    const given = bearer.exec(authorization ?? '')?.[1];
    if (given === undefined) return false;
    const digest = digestOf(given);
    if (this.#isOlderThan(freshMs)) this.#load();
    if (this.#fits(digest)) return true;
    if (!this.#isOlderThan(leastMs)) return false;
    this.#load();
    return this.#fits(digest);
  }

  #fits(digest: Buffer): boolean {
    let fits = false;
    for (const one of this.#digests) fits = timingSafeEqual(one, digest) || fits;
    return fits;
  }

  #isOlderThan(ms: number): boolean {
    return this.#clock.monotonic() - this.#readAt >= ms;
  }

  #load(): void {
    this.#readAt = this.#clock.monotonic();
    this.#digests = this.#files.flatMap((file) => {
      try {
        const token = this.#read(file).trim();
        return token === '' ? [] : [digestOf(token)];
      } catch {
        return [];
      }
    });
  }
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
