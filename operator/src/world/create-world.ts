/**
 * The operator's picture of the cluster, for all controllers.
 *
 * Caches fill on every replica, leader or not. What needs more than caches (referenced objects are read, namespaces are compiled) begins on
 * the leader only, before its first reconcile. Nothing is written but the key of checksums.
 */
import { loadValidator, type RenderSettings, type Validator } from '@quaymaster/crds';
import type { Clock, Logger } from 'quaymaster/base';

import {
  classify,
  isStatus,
  type KubeClient,
  KubeError,
  type KubeObject,
  type Manager,
  type MetricSink,
  type StoreChange,
} from '../kube/index.ts';
import { createCaches } from './caches.ts';
import { checksumKey } from './checksum-key.ts';
import { createCompanions } from './companions.ts';
import { createNamespaceViews } from './namespace-views.ts';
import { referenceId, type ReferenceId, referencesOf, splitReference } from './references.ts';
import { resources } from './resources.ts';
import { serverLabel } from './slim.ts';
import type { World } from './types.ts';

export interface WorldDeps {
  readonly manager: Manager;
  /** Writes only the one Secret with the key of checksums, so the leader's guarded client is the right one. */
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics?: MetricSink;
  readonly settings: Pick<RenderSettings, 'operatorNamespace'>;
  /** Empty: all. */
  readonly namespaces: readonly string[];
}

type Listener = (key: string, initial: boolean) => void;

/** How often the start looks whether all referenced objects are read. */
const pollMs = 20;
const retryMs = 1_000;
const gatewayPollMs = 5_000;

export function createWorld(deps: WorldDeps): World {
  const { client, clock, logger } = deps;
  const { stores, gatewayServed, whenSynced } = createCaches(deps.manager, deps.namespaces);
  const listeners = { server: new Set<Listener>(), hub: new Set<Listener>() };
  let validate: Validator | undefined;
  let key: Buffer | undefined;
  let stopWatching: (() => void) | undefined;

  const notify = (kind: 'server' | 'hub', changed: string, initial: boolean): void => {
    for (const listener of listeners[kind]) listener(changed, initial);
  };
  const companions = createCompanions({
    stores,
    client,
    clock,
    logger,
    ...(deps.metrics === undefined ? {} : { metrics: deps.metrics }),
    key: () => key ?? unset(),
    onChange: (id) => referenceChanged(id),
  });
  const views = createNamespaceViews({
    clock,
    validate: () => validate,
    companions,
    notify,
    onCompiled: (ms) => logger.debug({ ms: Math.round(ms) }, 'a namespace was compiled'),
    onFailed: (namespace, error) => {
      const err = error instanceof Error ? error.stack : String(error);
      logger.error({ namespace, err }, 'a namespace could not be compiled; its last state stays');
    },
  });

  /** Its keys may decide whether a server runs; its values are in Pods and hubs whatever else changes. */
  const referenceChanged = (id: ReferenceId): void => {
    const { namespace } = splitReference(id);
    views.touch(namespace);
    const view = views.get(namespace);
    for (const name of namesReferring(id)) {
      notify('server', `${namespace}/${name}`, false);
      for (const hub of view?.server(name)?.hubs ?? []) notify('hub', hub, false);
    }
    for (const { metadata } of stores.hubs.byIndex('reference', id))
      notify('hub', `${namespace}/${metadata.name}`, false);
  };
  const namesReferring = (id: ReferenceId): readonly string[] => {
    const referring = stores.servers.byIndex('reference', id).map((server) => server.metadata.name);
    const { kind, namespace, name } = splitReference(id);
    const owner =
      kind === 'Secret' ? stores.secrets.get(`${namespace}/${name}`)?.metadata.labels?.[serverLabel] : undefined;
    return owner === undefined || referring.includes(owner) ? referring : [...referring, owner];
  };

  const lookAtReferences = (change: StoreChange<KubeObject>): void => {
    const before = change.type === 'updated' ? change.before : undefined;
    if (before !== undefined && before.metadata.generation === change.object.metadata.generation) return;
    const ids = [...referencesOf(change.object), ...(before === undefined ? [] : referencesOf(before))];
    for (const id of new Set(ids)) companions.look(id);
  };

  stores.servers.subscribe((change) => {
    const now = change.type === 'removed' ? undefined : change.object;
    if (change.type === 'updated' && change.object !== change.before) shareSpec(change.before, change.object);
    lookAtReferences(change);
    views.put('McpServer', change.key, now);
  });
  stores.hubs.subscribe((change) => {
    if (change.type === 'updated' && change.object !== change.before) shareSpec(change.before, change.object);
    lookAtReferences(change);
    views.put('McpHub', change.key, change.type === 'removed' ? undefined : change.object);
  });

  /** What the API server cannot give now it may give in a second; an office is not thrown away for that. */
  const patiently = async <T>(task: () => Promise<T>, signal?: AbortSignal): Promise<T> => {
    for (;;) {
      try {
        return await task();
      } catch (error) {
        if (!(error instanceof KubeError) || classify(error) === 'terminal') throw error;
        signal?.throwIfAborted();
        logger.warn({ err: error.message }, 'not ready yet; trying again');
        await wait(retryMs);
      }
    }
  };
  const wait = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      clock.after(ms, resolve);
    });

  const whenReady = async (signal?: AbortSignal): Promise<void> => {
    await whenSynced(signal);
    key ??= await patiently(() => checksumKey(client, deps.settings.operatorNamespace, signal), signal);
    validate ??= await loadValidator();
    companions.begin();
    for (const store of [stores.servers, stores.hubs])
      for (const object of store.values()) for (const id of referencesOf(object)) companions.look(id);
    // Everything at once: a view without what its servers refer to would take them down.
    while (companions.pending > 0) {
      signal?.throwIfAborted();
      await wait(pollMs);
    }
    views.begin();
    watchGateway();
  };
  /** A kind that comes or goes has no event of its own, and hubs with a route wait for it. */
  const watchGateway = (): void => {
    let served = gatewayServed();
    stopWatching?.();
    stopWatching = clock.every(gatewayPollMs, () => {
      if (gatewayServed() === served) return;
      served = gatewayServed();
      logger.info({ served }, 'HTTPRoutes of the Gateway API');
      for (const hub of stores.hubs.keys()) notify('hub', hub, false);
    });
  };
  deps.manager.onLeading(whenReady);
  deps.manager.onStopping(async () => stopWatching?.());
  deps.manager.addController(companions.reader);

  return {
    stores,
    namespace: (namespace) => views.get(namespace),
    checksums: (namespace) => companions.checksums(namespace),
    known: (kind, namespace, name) => companions.known(referenceId(kind, namespace, name)),
    secretValues: (namespace, name, signal) => readSecret(client, namespace, name, signal),
    onChange(kind, listener) {
      const own: Listener = (changed, initial) => listener(changed, initial);
      listeners[kind].add(own);
      return () => listeners[kind].delete(own);
    },
    get gatewayServed() {
      return gatewayServed();
    },
    whenReady,
  };
}

/** Equal generations have equal specs: one copy is enough, and the one that compilations remember is the older. */
function shareSpec(before: KubeObject, now: KubeObject & { spec?: unknown }): void {
  const { generation, uid } = now.metadata;
  if (generation !== undefined && generation === before.metadata.generation && uid === before.metadata.uid)
    now.spec = before.spec;
}

async function readSecret(
  client: KubeClient,
  namespace: string,
  name: string,
  signal?: AbortSignal,
): Promise<Readonly<Record<string, Buffer>> | undefined> {
  try {
    const secret = await client.get<KubeObject & { readonly data?: Readonly<Record<string, string>> }>(
      resources.secrets,
      namespace,
      name,
      signal,
    );
    return Object.fromEntries(
      Object.entries(secret.data ?? {}).map(([file, value]) => [file, Buffer.from(value, 'base64')]),
    );
  } catch (error) {
    if (isStatus(error, 404)) return undefined;
    throw error;
  }
}

function unset(): never {
  throw new TypeError('an object was read before the key of checksums was known');
}
