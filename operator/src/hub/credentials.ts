/**
 * The values a hub's servers need, read from the Secrets they stand in: when the version of such a Secret is a new one, and not before.
 *
 * Values live in memory (the control stream gives them to replicas that come later) and in the hub's credentials Secret, nowhere else: never
 * in a log, a status or an error. A Secret that is not there is no failure here: its values are missing until it comes.
 */
import { createHmac } from 'node:crypto';

import type { Clock } from 'quaymaster/base';

import {
  canonicalJson,
  compareResourceVersions,
  isStatus,
  type KubeClient,
  type KubeObject,
  makeKey,
  type StoreReader,
} from '../kube/index.ts';
import { resources } from '../world/index.ts';
import { cacheLagMs } from './cache-lag.ts';
import type { CredentialReference } from './document.ts';
import type { SecretObject } from './owned-secrets.ts';

export interface Credentials {
  /** Keyed, so that nobody who sees it can try short values against it. */
  readonly hash: string;
  /** By credential key, base64. */
  readonly values: Readonly<Record<string, string>>;
}

export interface CredentialReader {
  read(references: readonly CredentialReference[], signal?: AbortSignal): Promise<Credentials>;
  /** The Secret is gone. */
  forget(key: string): void;
  readonly size: number;
}

export interface CredentialReaderDeps {
  readonly client: KubeClient;
  /** The cache of metadata. */
  readonly cache: StoreReader<KubeObject>;
  /** Of this process. */
  readonly hashKey: Buffer;
  /** Labels of the Secrets that this operator makes: many of them are read by one list. */
  readonly ownLabels: string;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly maxRemembered?: number;
}

interface Remembered {
  readonly atMs: number;
  readonly resourceVersion: string | undefined;
  /** Keys that were asked for: hubs may need different ones of one Secret. */
  readonly keys: ReadonlySet<string>;
  readonly values: ReadonlyMap<string, string>;
}

/** Above this, one list is cheaper than single reads. */
const singleReads = 16;
const pageSize = 250;

export function createCredentialReader(deps: CredentialReaderDeps): CredentialReader {
  const { client, cache, clock } = deps;
  const maxRemembered = deps.maxRemembered ?? 20_000;
  const remembered = new Map<string, Remembered>();

  const remember = (id: string, object: SecretObject, asked: ReadonlySet<string>): void => {
    const keys = new Set([...asked, ...(remembered.get(id)?.keys ?? [])]);
    const values = new Map(Object.entries(object.data ?? {}).filter(([key]) => keys.has(key)));
    remembered.delete(id);
    const oldest = remembered.keys().next();
    if (remembered.size >= maxRemembered && oldest.done !== true) remembered.delete(oldest.value);
    remembered.set(id, { atMs: clock.monotonic(), resourceVersion: object.metadata.resourceVersion, keys, values });
  };

  /** In the version the cache knows, or a newer one that it will know soon. */
  const isFresh = (id: string, keys: ReadonlySet<string>): boolean => {
    const record = remembered.get(id);
    const cached = cache.get(id);
    if (record === undefined || cached === undefined || [...keys].some((key) => !record.keys.has(key))) return false;
    const order = compareResourceVersions(record.resourceVersion, cached.metadata.resourceVersion);
    return order === 0 || (order === 1 && clock.monotonic() - record.atMs < cacheLagMs);
  };

  const readOne = async (
    { namespace, secret }: CredentialReference,
    keys: ReadonlySet<string>,
    signal: AbortSignal | undefined,
  ): Promise<void> => {
    try {
      const object = await client.get<SecretObject>(resources.secrets, namespace, secret, signal);
      remember(makeKey(namespace, secret), object, keys);
    } catch (error) {
      if (!isStatus(error, 404)) throw error;
      remembered.delete(makeKey(namespace, secret));
    }
  };

  const readMany = async (
    namespace: string,
    wanted: ReadonlyMap<string, ReadonlySet<string>>,
    signal: AbortSignal | undefined,
  ): Promise<void> => {
    let next: string | undefined;
    do {
      const options = { namespace, labelSelector: deps.ownLabels, limit: pageSize, continue: next };
      const page = await client.list(resources.secrets, options, signal);
      for (const object of page.items ?? []) {
        const id = makeKey(namespace, object.metadata.name);
        const keys = wanted.get(id);
        if (keys !== undefined) remember(id, object as SecretObject, keys);
      }
      next = page.metadata.continue === '' ? undefined : page.metadata.continue;
    } while (next !== undefined);
  };

  return {
    async read(references, signal) {
      const keysOf = new Map<string, Set<string>>();
      const first = new Map<string, CredentialReference>();
      for (const reference of references) {
        const id = makeKey(reference.namespace, reference.secret);
        keysOf.set(id, (keysOf.get(id) ?? new Set<string>()).add(reference.key));
        first.set(id, reference);
      }
      const needed = (id: string): ReadonlySet<string> => keysOf.get(id) ?? new Set();
      const stale = (): CredentialReference[] =>
        [...first].flatMap(([id, reference]) =>
          cache.get(id) === undefined || isFresh(id, needed(id)) ? [] : [reference],
        );
      const unread = stale();
      const [some] = unread;
      if (unread.length > singleReads && some !== undefined) await readMany(some.namespace, keysOf, signal);
      for (const reference of stale()) {
        await readOne(reference, needed(makeKey(reference.namespace, reference.secret)), signal);
      }
      const values: Record<string, string> = {};
      for (const { id, namespace, secret, key } of references) {
        const at = makeKey(namespace, secret);
        const value = cache.get(at) === undefined ? undefined : remembered.get(at)?.values.get(key);
        if (value !== undefined) values[id] = value;
      }
      const hash = createHmac('sha256', deps.hashKey).update(canonicalJson(values)).digest('hex').slice(0, 32);
      return { hash, values };
    },
    forget(key) {
      remembered.delete(key);
    },
    get size() {
      return remembered.size;
    },
  };
}
