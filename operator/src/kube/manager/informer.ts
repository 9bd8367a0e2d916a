/** One shared cache of a kind: a store and the reflectors that feed it, one per watched namespace or one for all. */
import type { Clock, Logger, Random } from 'quaymaster/base';

import { type MetricSink, noMetrics } from '../metrics/index.ts';
import { canonicalJson, type KubeObject, type Resource, resourceName } from '../objects/index.ts';
import { createReflector, type Reflector, type ReflectorLimits, type ReflectorState } from '../reflector/index.ts';
import { createStore, type Indexer, type Sharing, type StoreReader, stripBookkeeping } from '../store/index.ts';
import type { Discovery, KubeClient } from '../transport/index.ts';

export interface InformerRequest<T extends KubeObject> {
  readonly resource: Resource;
  /** Namespaces to watch; absent: all. */
  readonly namespaces?: readonly string[];
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly indexers?: Readonly<Record<string, Indexer<T>>>;
  /** Replaces the default, which drops managedFields and the last-applied annotation. */
  readonly transform?: (object: T) => T;
  /** The kind may be missing in this cluster. */
  readonly optional?: boolean;
  readonly maxObjects?: number;
  /** Only metadata is asked for and kept: for Secrets and ConfigMaps that are not ours. */
  readonly metadataOnly?: boolean;
}

export interface Informer<T extends KubeObject = KubeObject> {
  readonly resource: Resource;
  readonly store: StoreReader<T>;
  readonly synced: boolean;
  readonly states: readonly ReflectorState[];
  whenSynced(signal?: AbortSignal): Promise<void>;
}

export interface RunningInformer<T extends KubeObject = KubeObject> extends Informer<T> {
  start(): void;
  stop(): Promise<void>;
  report(): void;
}

export interface InformerContext {
  readonly client: KubeClient;
  readonly discovery: Discovery;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics?: MetricSink;
  readonly limits?: Partial<ReflectorLimits>;
  readonly sharing?: Sharing;
}

/** Equal requests share one cache. */
export function informerIdentity(request: Omit<InformerRequest<KubeObject>, 'indexers' | 'transform'>): string {
  const { resource, namespaces, labelSelector, fieldSelector } = request;
  const metadataOnly = request.metadataOnly === true;
  const watched = [resourceName(resource), resource.version, namespaces?.toSorted()];
  return canonicalJson([watched, labelSelector, fieldSelector, metadataOnly]);
}

export function createInformer<T extends KubeObject>(
  request: InformerRequest<T>,
  context: InformerContext,
): RunningInformer<T> {
  const { resource } = request;
  const metrics = context.metrics ?? noMetrics;
  const labels = { resource: resourceName(resource) };
  const store = createStore<T>({
    transform: request.transform ?? stripBookkeeping,
    ...(request.indexers === undefined ? {} : { indexers: request.indexers }),
    ...(request.maxObjects === undefined ? {} : { maxObjects: request.maxObjects }),
    ...(context.sharing === undefined ? {} : { sharing: context.sharing }),
    onHandlerError: (error, key) => {
      metrics.count('quaymaster_informer_handler_errors_total', labels);
      const err = error instanceof Error ? error.message : String(error);
      context.logger.error({ ...labels, key, err }, 'a handler of cache events failed');
    },
    onOverflow: (key) => context.logger.error({ ...labels, key }, 'the cache is at its bound; an object is left out'),
  });
  const scopes = request.namespaces === undefined ? [undefined] : [...new Set(request.namespaces)];
  const reflectors: readonly Reflector[] = scopes.map((namespace) =>
    createReflector({
      client: context.client,
      discovery: context.discovery,
      clock: context.clock,
      random: context.random,
      logger: context.logger,
      metrics,
      resource,
      store,
      scope: { namespace, labelSelector: request.labelSelector, fieldSelector: request.fieldSelector },
      optional: request.optional === true,
      metadataOnly: request.metadataOnly === true,
      ...(context.limits === undefined ? {} : { limits: context.limits }),
    }),
  );
  return {
    resource,
    store,
    start() {
      for (const reflector of reflectors) reflector.start();
    },
    async stop() {
      await Promise.all(reflectors.map((reflector) => reflector.stop()));
    },
    get synced() {
      return reflectors.every((reflector) => reflector.state.synced);
    },
    get states() {
      return reflectors.map((reflector) => reflector.state);
    },
    async whenSynced(signal) {
      await Promise.all(reflectors.map((reflector) => reflector.whenSynced(signal)));
    },
    report() {
      metrics.gauge('quaymaster_informer_objects', labels, store.size);
    },
  };
}
