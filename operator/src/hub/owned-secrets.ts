/**
 * The Secrets a hub owns: created once, changed only under the version that was looked at, read only when that version is a new one.
 *
 * The cache holds metadata alone, so what is remembered here of each is a digest of its content, never the content. A Secret of that name that
 * belongs to somebody else is never touched. Changes are merge patches of our keys: labels and annotations of others stay.
 */
import { createHash } from 'node:crypto';

import type { Clock } from 'quaymaster/base';

import {
  canonicalJson,
  compareResourceVersions,
  isStatus,
  type KubeClient,
  type KubeObject,
  makeKey,
  type OwnerReference,
  type StoreReader,
} from '../kube/index.ts';
import { type Ownership, ownership } from '../owned/index.ts';
import { resources } from '../world/index.ts';
import { cacheLagMs } from './cache-lag.ts';

export interface SecretObject extends KubeObject {
  /** Base64. */
  readonly data?: Readonly<Record<string, string>>;
}

export interface SecretContent {
  /** Base64. Exactly these keys. */
  readonly data: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Whose Secret it is, and what it looks like from outside. */
export interface SecretOwner {
  readonly object: KubeObject;
  readonly labels: Readonly<Record<string, string>>;
}

export type Seen =
  | { readonly state: 'absent' }
  /** It is somebody else's. */
  | { readonly state: 'taken'; readonly object: Pick<KubeObject, 'metadata'> }
  /** It is being deleted; its removal wakes the owner. */
  | { readonly state: 'terminating' }
  | { readonly state: 'present'; readonly known: KnownSecret };

export interface KnownSecret {
  readonly whose: Ownership;
  readonly name: string;
  readonly owners: readonly OwnerReference[];
  readonly uid: string;
  readonly resourceVersion: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Of its data. */
  readonly digest: string;
  readonly keys: readonly string[];
}

export interface OwnedSecrets {
  look(owner: SecretOwner, name: string, signal?: AbortSignal): Promise<Seen>;
  /** The whole of it, by a request. */
  read(owner: SecretOwner, name: string, signal?: AbortSignal): Promise<SecretObject>;
  /** Makes it hold `content`; nothing is sent when it does. `seen` must be `absent` or `present`, and is the precondition. */
  write(
    owner: SecretOwner,
    name: string,
    content: SecretContent,
    seen: Seen,
    signal?: AbortSignal,
  ): Promise<KnownSecret>;
  /** Would `write` send anything? */
  differs(owner: SecretOwner, content: SecretContent, known: KnownSecret): boolean;
  /** Drops what is remembered of a Secret that is gone. */
  forget(namespace: string | undefined, name: string): void;
  readonly size: number;
}

export interface OwnedSecretsDeps {
  /** With the fence as guard. */
  readonly client: KubeClient;
  /** The cache of metadata. */
  readonly cache: StoreReader<KubeObject>;
  readonly manager: string;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly maxRemembered?: number;
}

export function createOwnedSecrets(deps: OwnedSecretsDeps): OwnedSecrets {
  const { client, cache, clock } = deps;
  const maxRemembered = deps.maxRemembered ?? 10_000;
  const remembered = new Map<string, { readonly known: KnownSecret; readonly atMs: number }>();

  const remember = (id: string, object: SecretObject, owner: SecretOwner): KnownSecret => {
    const { uid = '', resourceVersion = '', annotations = {}, labels = {} } = object.metadata;
    const data = object.data ?? {};
    const known = {
      whose: ownership(object, owner.object, owner.labels),
      name: object.metadata.name,
      owners: object.metadata.ownerReferences ?? [],
      uid,
      resourceVersion,
      annotations,
      labels,
      digest: digest(data),
      keys: Object.keys(data),
    };
    remembered.delete(id);
    const oldest = remembered.keys().next();
    if (remembered.size >= maxRemembered && oldest.done !== true) remembered.delete(oldest.value);
    remembered.set(id, { known, atMs: clock.monotonic() });
    return known;
  };

  cache.subscribe((change) => {
    if (change.type === 'removed') remembered.delete(change.key);
  });

  return {
    async look(owner, name, signal) {
      const { namespace } = owner.object.metadata;
      const id = makeKey(namespace, name);
      const record = remembered.get(id);
      const cached = cache.get(id);
      const mayBeAhead = record !== undefined && clock.monotonic() - record.atMs < cacheLagMs;
      if (cached === undefined) {
        const own = mayBeAhead && record.known.whose === 'own';
        return own ? { state: 'present', known: record.known } : { state: 'absent' };
      }
      if (cached.metadata.deletionTimestamp !== undefined) return { state: 'terminating' };
      if (record !== undefined && record.known.uid === cached.metadata.uid) {
        // Ahead of the cache by our own write, or the very version we know.
        const order = compareResourceVersions(cached.metadata.resourceVersion, record.known.resourceVersion);
        if (order === 0 || (order === -1 && mayBeAhead)) return seenAs(record.known);
      }
      try {
        const object = await client.get<SecretObject>(resources.secrets, namespace, name, signal);
        return seenAs(remember(id, object, owner));
      } catch (error) {
        if (isStatus(error, 404)) return { state: 'absent' };
        throw error;
      }
    },
    read: (owner, name, signal) => client.get(resources.secrets, owner.object.metadata.namespace, name, signal),
    async write(owner, name, content, seen, signal) {
      const { namespace } = owner.object.metadata;
      const id = makeKey(namespace, name);
      const annotations = content.annotations ?? {};
      if (seen.state !== 'present') {
        const object: SecretObject = {
          apiVersion: 'v1',
          kind: 'Secret',
          metadata: {
            name,
            ...(namespace === undefined ? {} : { namespace }),
            labels: owner.labels,
            annotations,
            ownerReferences: [referenceTo(owner.object)],
          },
          data: content.data,
        };
        const made = await client.create<SecretObject>(
          resources.secrets,
          object,
          { fieldManager: deps.manager },
          signal,
        );
        return remember(id, made, owner);
      }
      const { known } = seen;
      if (!differs(owner, content, known)) return known;
      const reference = referenceTo(owner.object);
      const patch = {
        metadata: {
          uid: known.uid,
          resourceVersion: known.resourceVersion,
          labels: owner.labels,
          annotations,
          // Restored from a backup, perhaps, without its owner.
          ...(isControlled(known, owner) ? {} : { ownerReferences: [...known.owners, reference] }),
        },
        data: { ...content.data, ...Object.fromEntries(goneKeys(known, content).map((key) => [key, null])) },
      };
      const target = {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
      };
      const query = { fieldManager: deps.manager };
      return remember(id, await client.merge(resources.secrets, target, patch, query, signal), owner);
    },
    differs,
    forget(namespace, name) {
      remembered.delete(makeKey(namespace, name));
    },
    get size() {
      return remembered.size;
    },
  };
}

/** The cache knows no owner of what lost our labels; only the object itself tells whose it is. */
function seenAs(known: KnownSecret): Seen {
  if (known.whose === 'own') return { state: 'present', known };
  if (known.whose === 'former') return { state: 'terminating' };
  return { state: 'taken', object: { metadata: { name: known.name, ownerReferences: known.owners } } };
}

function digest(data: Readonly<Record<string, string>>): string {
  return createHash('sha256').update(canonicalJson(data)).digest('base64url');
}

function holds(live: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([key, value]) => live[key] === value);
}

function referenceTo({ apiVersion, kind, metadata }: KubeObject) {
  return { apiVersion, kind, name: metadata.name, uid: metadata.uid ?? '', controller: true, blockOwnerDeletion: true };
}

function differs(owner: SecretOwner, content: SecretContent, known: KnownSecret): boolean {
  const same =
    isControlled(known, owner) &&
    goneKeys(known, content).length === 0 &&
    known.digest === digest(content.data) &&
    holds(known.annotations, content.annotations ?? {}) &&
    holds(known.labels, owner.labels);
  return !same;
}

function goneKeys(known: KnownSecret, { data }: SecretContent): readonly string[] {
  return known.keys.filter((key) => !Object.hasOwn(data, key));
}

function isControlled({ owners }: KnownSecret, owner: SecretOwner): boolean {
  return owners.some((each) => each.uid === owner.object.metadata.uid);
}
