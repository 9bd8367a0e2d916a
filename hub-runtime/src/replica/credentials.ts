/**
 * Values behind references, by `credentialKey`, from the mounted Secret or the stream.
 *
 * They carry no number, so age is told by who said them: the stream is ahead of the mount while it is up. Once it is down, a mount that changes
 * is the newer one, unless it shows a state that was replaced before: the kubelet is late by up to a minute. Values are never logged.
 */
import { createHash } from 'node:crypto';

import type { CredentialsMessage } from '@quaymaster/crds';

type Values = ReadonlyMap<string, string>;

/** States of a minute that changes every second. */
const mostReplaced = 64;

export class Credentials {
  #values: Values = new Map();
  #digest: string | undefined;
  #hash: string | undefined;
  #mounted: string | undefined;
  readonly #replaced = new Set<string>();

  /** Of the last message of the stream, while its values are in force. */
  get hash(): string | undefined {
    return this.#hash;
  }

  get(key: string): string | undefined {
    return this.#values.get(key);
  }

  /** True when something changed. */
  streamed({ hash, values }: CredentialsMessage): boolean {
    this.#hash = hash;
    return this.#take(
      new Map(Object.entries(values).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')])),
    );
  }

  mounted(files: ReadonlyMap<string, Buffer>, streamIsUp: boolean): boolean {
    const values = new Map([...files].map(([key, value]) => [key, value.toString('utf8')]));
    const digest = digestOf(values);
    if (digest === this.#mounted) return false;
    this.#mounted = digest;
    if (digest === this.#digest || (this.#hash !== undefined && (streamIsUp || this.#replaced.has(digest))))
      return false;
    this.#hash = undefined;
    return this.#take(values);
  }

  #take(values: Values): boolean {
    const digest = digestOf(values);
    const before = this.#digest;
    if (digest === before) return false;
    if (before !== undefined) this.#replaced.add(before);
    this.#replaced.delete(digest);
    for (const oldest of this.#replaced) {
      if (this.#replaced.size <= mostReplaced) break;
      this.#replaced.delete(oldest);
    }
    this.#values = values;
    this.#digest = digest;
    return before !== undefined || values.size > 0;
  }
}

function digestOf(values: Values): string {
  const hash = createHash('sha256');
  for (const [key, value] of [...values].toSorted(([a], [b]) => (a < b ? -1 : 1)))
    hash.update(`${key.length}:${key}${value.length}:${value}`);
  return hash.digest('base64');
}
