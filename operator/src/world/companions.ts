/**
 * What is known of the Secrets and ConfigMaps that servers and hubs refer to: names of keys and a checksum of the content, never a value.
 *
 * The cache of metadata tells that one changed; then it is read once. What was known stays until something newer is: a failed reading changes
 * nothing. Only where nothing was ever known, an object that cannot be read is `unreadable`, with the reason. Until the first answer it is
 * `pending`, and its namespace keeps its last view: a server must not look broken because the operator has just started.
 */
import { createHmac } from 'node:crypto';

import type { Clock, Logger } from 'quaymaster/base';

import {
  canonicalJson,
  type Controller,
  createController,
  done,
  isStatus,
  type KubeClient,
  KubeError,
  type KubeObject,
  makeKey,
  type MetricSink,
  type Result,
} from '../kube/index.ts';
import { referenceId, type ReferenceId, splitReference } from './references.ts';
import { resources } from './resources.ts';
import { isManaged, serverLabel } from './slim.ts';
import type { CompanionKind, KnownObject, Stores } from './types.ts';

export interface CompanionsDeps {
  readonly stores: Pick<Stores, 'servers' | 'hubs' | 'secrets' | 'configMaps'>;
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics?: MetricSink;
  /** Of checksums. Asked for when the first object is read. */
  readonly key: () => Buffer;
  /** Something about an object changed, or it stopped being pending. */
  readonly onChange: (id: ReferenceId) => void;
}

export interface Companions {
  readonly reader: Controller;
  /** Takes up everything that is referred to now. Before, changes are only remembered by the caches. */
  begin(): void;
  /** A server began or ceased to refer to it. */
  look(id: ReferenceId): void;
  known(id: ReferenceId): KnownObject | undefined;
  unreadable(id: ReferenceId): string | undefined;
  /** By `Secret/<name>` and `ConfigMap/<name>`. */
  checksums(namespace: string): Readonly<Record<string, string>>;
  /** References of this namespace whose first answer is still out. */
  isPending(namespace: string): boolean;
  readonly pending: number;
}

interface State {
  readonly resourceVersion: string | undefined;
  readonly known?: KnownObject;
  readonly unreadable?: string;
}

export function createCompanions(deps: CompanionsDeps): Companions {
  const { stores } = deps;
  const states = new Map<ReferenceId, State>();
  const pending = new Map<string, Set<ReferenceId>>();
  /** By namespace; put together when asked for. */
  const checksums = new Map<string, Readonly<Record<string, string>>>();
  let begun = false;

  const metadataOf = (id: ReferenceId): KubeObject | undefined => {
    const { kind, namespace, name } = splitReference(id);
    return (kind === 'Secret' ? stores.secrets : stores.configMaps).get(makeKey(namespace, name));
  };
  const isReferred = (id: ReferenceId): boolean =>
    [stores.servers, stores.hubs].some((store) => store.byIndex('reference', id).length > 0);
  /** The first answer is here. */
  const settle = (id: ReferenceId): boolean => {
    const { namespace } = splitReference(id);
    const waiting = pending.get(namespace);
    if (waiting?.delete(id) !== true) return false;
    if (waiting.size === 0) pending.delete(namespace);
    return true;
  };
  const forget = (id: ReferenceId): void => {
    const had = states.delete(id);
    if (settle(id) || had) changed(id);
  };
  const changed = (id: ReferenceId): void => {
    checksums.delete(splitReference(id).namespace);
    deps.onChange(id);
  };

  const collect = (namespace: string): Readonly<Record<string, string>> => {
    const found: Record<string, string> = {};
    for (const [id, { known }] of states) {
      const at = splitReference(id);
      if (at.namespace === namespace && known !== undefined) found[`${at.kind}/${at.name}`] = known.checksum;
    }
    return found;
  };

  /** Something may be new about this object: read it, drop it, or leave it. */
  const look = (id: ReferenceId): void => {
    if (!begun) return;
    const metadata = metadataOf(id);
    const referred = isReferred(id);
    if (metadata === undefined || !(referred || isBridgeSecret(metadata))) {
      forget(id);
      return;
    }
    const state = states.get(id);
    if (state?.known !== undefined && state.resourceVersion === metadata.metadata.resourceVersion) return;
    if (state === undefined && referred) {
      const { namespace } = splitReference(id);
      const waiting = pending.get(namespace) ?? new Set();
      pending.set(namespace, waiting.add(id));
    }
    reader.queue.add(id);
  };

  const read = async (id: ReferenceId, signal: AbortSignal): Promise<Result> => {
    const { kind, namespace, name } = splitReference(id);
    if (metadataOf(id) === undefined) {
      forget(id);
      return done;
    }
    const before = states.get(id);
    try {
      const object = await deps.client.get<KubeObject & Content>(resourceOf(kind), namespace, name, signal);
      const known = { keys: keysOf(object), checksum: checksumOf(object, deps.key()) };
      states.set(id, { resourceVersion: object.metadata.resourceVersion, known });
      if (settle(id) || before?.known?.checksum !== known.checksum) changed(id);
    } catch (error) {
      if (isStatus(error, 404)) {
        // The cache has not heard of it yet; its removal comes.
        forget(id);
        return done;
      }
      // An answer, if a bad one; a network that fails says nothing about this object.
      if (error instanceof KubeError && error.code === 'KUBE_STATUS' && before?.known === undefined) {
        const unreadable = error.message.slice(0, 512);
        states.set(id, { resourceVersion: undefined, unreadable });
        if (settle(id) || before?.unreadable !== unreadable) changed(id);
      }
      throw error;
    }
    return done;
  };

  const reader = createController({
    name: 'references',
    reconcile: read,
    clock: deps.clock,
    logger: deps.logger,
    workers: 8,
    deadlineMs: 30_000,
    ...(deps.metrics === undefined ? {} : { metrics: deps.metrics }),
    queue: { limits: { baseMs: 100, maxMs: 60_000 } },
  });

  stores.secrets.subscribe(({ object }) => look(referenceId('Secret', spaceOf(object), object.metadata.name)));
  stores.configMaps.subscribe(({ object }) => look(referenceId('ConfigMap', spaceOf(object), object.metadata.name)));

  return {
    reader,
    begin() {
      begun = true;
      reader.start();
      for (const secret of stores.secrets.values())
        if (isBridgeSecret(secret)) look(referenceId('Secret', spaceOf(secret), secret.metadata.name));
    },
    look,
    known: (id) => states.get(id)?.known,
    unreadable: (id) => states.get(id)?.unreadable,
    checksums(namespace) {
      const known = checksums.get(namespace);
      if (known !== undefined) return known;
      const made = collect(namespace);
      if (Object.keys(made).length > 0) checksums.set(namespace, made);
      return made;
    },
    isPending: (namespace) => pending.has(namespace),
    get pending() {
      let sum = 0;
      for (const waiting of pending.values()) sum += waiting.size;
      return sum;
    },
  };
}

interface Content {
  readonly data?: Readonly<Record<string, string>>;
  readonly binaryData?: Readonly<Record<string, string>>;
}

/** `binaryData` of a ConfigMap cannot be an environment variable. */
function keysOf({ data }: Content): ReadonlySet<string> {
  return new Set(Object.keys(data ?? {}));
}

function checksumOf({ data, binaryData }: Content, key: Buffer): string {
  const text = canonicalJson([data ?? {}, binaryData ?? {}]);
  return createHmac('sha256', key).update(text).digest('hex').slice(0, 24);
}

/** Tokens of bridges are no reference of anybody's, but hubs must hear when one changes. */
function isBridgeSecret(object: KubeObject): boolean {
  return object.kind === 'Secret' && isManaged(object) && object.metadata.labels?.[serverLabel] !== undefined;
}

function resourceOf(kind: CompanionKind): (typeof resources)['secrets' | 'configMaps'] {
  return kind === 'Secret' ? resources.secrets : resources.configMaps;
}

function spaceOf({ metadata }: KubeObject): string {
  return metadata.namespace ?? 'default';
}
