/**
 * Keeps a store equal to one kind of the cluster, for ever: read everything, then follow the watch, and survive whatever happens to it.
 *
 * Runs from `start` to `stop`; never gives up, never throws.
 * What it does about each failure is decided in `recovery.ts`; this file is the loop.
 */
import { backoffDelay } from 'quaymaster/base';

import { noMetrics } from '../metrics/index.ts';
import { compareResourceVersions, resourceName, resourcePath } from '../objects/index.ts';
import { abortedError, KubeError, pause } from '../transport/index.ts';
import { listAll } from './list-pages.ts';
import { recoveryFor } from './recovery.ts';
import {
  defaultReflectorLimits,
  type Reflector,
  type ReflectorOptions,
  type ReflectorPhase,
  type ReflectorState,
} from './reflector-types.ts';
import { followWatch, type WatchOutcome } from './watch-stream.ts';

export function createReflector(options: ReflectorOptions): Reflector {
  const { clock, resource, store, logger } = options;
  const limits = { ...defaultReflectorLimits, ...options.limits };
  const scope = options.scope ?? {};
  const metrics = options.metrics ?? noMetrics;
  const metadataOnly = options.metadataOnly === true;
  const name = resourceName(resource);
  const stopping = new AbortController();
  const signal = stopping.signal;
  const waiters = new Set<{ resolve: () => void; reject: (error: unknown) => void }>();

  let phase: ReflectorPhase = 'idle';
  let synced = false;
  let lastError: string | undefined;
  let lastReason: string | undefined;
  let failures = 0;
  let relists = 0;
  /** Version to watch from; undefined: read everything first. */
  let version: string | undefined;
  let streaming = true;
  /** The stream fell silent before it was complete: the next read is a list, the one after may stream again. */
  let listNext = false;
  let reason = 'start';
  /** Something went wrong since the last answer: the cluster may be another one in time than we think. */
  let suspicious = false;
  let absences = 0;
  let running: Promise<void> | undefined;

  const becomeSynced = (): void => {
    synced = true;
    for (const waiter of waiters) waiter.resolve();
    waiters.clear();
  };

  const relisted = (how: string): void => {
    relists += 1;
    metrics.count('quaymaster_informer_relists_total', { resource: name, reason });
    logger.debug({ resource: name, how, reason }, 'cache filled');
    absences = 0;
    becomeSynced();
  };

  const watch = async (initial: boolean): Promise<WatchOutcome> => {
    phase = initial ? 'listing' : 'watching';
    return await followWatch(
      {
        client: options.client,
        what: `WATCH ${name}`,
        path: resourcePath(resource, { namespace: scope.namespace }),
        scope,
        store,
        clock,
        limits,
        from: initial ? undefined : version,
        lifetimeMs: Math.round(limits.watchMs * (1 + options.random())),
        metadataOf: options.metadataOnly === true ? resource : undefined,
        onOpen: () => {
          lastError = undefined;
        },
        onVersion: (next) => {
          version = next;
        },
        onInitialEnd: () => {
          phase = 'watching';
          relisted('stream');
        },
      },
      signal,
    );
  };

  /**
   * After an etcd restore the cluster is older than we are. A watch from our version would not fail then: the server opens it and stays
   * silent until it has lived through as many versions again, and all changes of that time are lost. So after a failure the cluster is
   * asked for its own version first.
   */
  const checkTime = async (): Promise<void> => {
    const page = await options.client.list(resource, { ...scope, metadataOnly, limit: 1 }, signal);
    suspicious = false;
    if (compareResourceVersions(page.metadata.resourceVersion, version) !== -1) return;
    logger.warn({ resource: name, version, now: page.metadata.resourceVersion }, 'the cluster went back in time');
    version = undefined;
    reason = 'cluster went back';
  };

  /** One list or one watch. */
  const step = async (): Promise<void> => {
    const started = clock.monotonic();
    try {
      if (version !== undefined && suspicious) await checkTime();
      if (version === undefined && (!streaming || listNext)) {
        phase = 'listing';
        listNext = false;
        const snapshot = await listAll(options.client, resource, { ...scope, metadataOnly }, limits.pageSize, signal);
        store.replace(snapshot.objects, snapshot.version, scope.namespace);
        version = snapshot.version;
        relisted('list');
        return;
      }
      const outcome = await watch(version === undefined);
      if (!outcome.complete) listNext = true;
      if (outcome.events === 0 && clock.monotonic() - started < limits.shortWatchMs) {
        throw new KubeError('KUBE_NETWORK', `WATCH ${name}: ended at once without an event`, { reason: 'ShortWatch' });
      }
    } finally {
      if (clock.monotonic() - started >= limits.healthyAfterMs) failures = 0;
    }
  };

  /** Ends a wait early once the API server answers somebody else; spread over a second, since every cache of this process hears it. */
  const orAlive = async (wait: Promise<void>): Promise<void> => {
    const over = new AbortController();
    const heard = options.client.transport
      .nextAnswer(AbortSignal.any([over.signal, signal]))
      .then(() => pause(clock, 1000 * options.random(), AbortSignal.any([over.signal, signal])));
    try {
      await Promise.race([wait, heard]);
    } finally {
      over.abort();
      await heard.catch(() => {});
    }
  };

  const recover = async (error: unknown): Promise<void> => {
    const recovery = recoveryFor(error, { initial: version === undefined, failures });
    lastError = error instanceof Error ? error.message : String(error);
    const isAnother = recovery.reason !== lastReason;
    lastReason = recovery.reason;
    failures += 1;
    suspicious = true;
    metrics.count('quaymaster_informer_failures_total', { resource: name, reason: recovery.reason });
    logger.warn({ resource: name, reason: recovery.reason, failures, err: lastError }, 'watching failed; trying again');
    if (recovery.relist) {
      version = undefined;
      reason = recovery.reason;
    }
    if (recovery.noStreaming) streaming = false;
    if (recovery.listNext) listNext = true;
    if (recovery.checkKind && (await kindIsGone())) return;
    phase = 'waiting';
    const jittered = backoffDelay(
      failures - 1,
      { baseMs: limits.baseBackoffMs, maxMs: limits.maxBackoffMs, minMs: Math.min(100, limits.baseBackoffMs) },
      options.random,
    );
    const floor = error instanceof KubeError ? (error.retryAfterMs ?? 0) : 0;
    // After an outage the first answer is often a 410: the wait for the server is over, and is not to begin again.
    if (recovery.atOnce === true && (failures <= 1 || isAnother)) return;
    const wait = pause(clock, Math.max(jittered, floor), signal);
    await (recovery.untilAlive === true ? orAlive(wait) : wait);
  };

  /**
   * A 404 may be a deleted CRD or an API server that is still starting. Only when discovery, too, does not know the kind, twice in a row, are
   * the objects taken for gone: emptying the cache at a hiccup would look like the deletion of everything.
   */
  const kindIsGone = async (): Promise<boolean> => {
    const there = await options.discovery.has(resource, { fresh: true }, signal).catch(() => true);
    absences = there ? 0 : absences + 1;
    const need = synced || options.optional !== true ? 2 : 1;
    if (absences < need) return false;
    version = undefined;
    reason = 'kind absent';
    if (absences === need) {
      logger.warn({ resource: name }, 'the API server does not serve this kind (any more)');
      store.replace([], undefined, scope.namespace);
    }
    phase = 'absent';
    if (options.optional === true) becomeSynced();
    // A kind that was there may come back at any time; one that never was is looked for at leisure.
    await pause(clock, options.optional === true ? limits.absentMs : limits.returnMs, signal);
    return true;
  };

  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      try {
        await step();
      } catch (error) {
        if (signal.aborted) break;
        await recover(error).catch(() => {});
      }
    }
    phase = 'stopped';
    for (const waiter of waiters) waiter.reject(abortedError(signal, `sync of ${name}`));
    waiters.clear();
  };

  return {
    start() {
      running ??= run();
    },
    async stop() {
      stopping.abort(new KubeError('KUBE_ABORTED', `the reflector of ${name} stops`));
      await running;
      phase = 'stopped';
    },
    get state(): ReflectorState {
      return { phase, synced, lastError, failures, relists };
    },
    whenSynced(waitSignal) {
      if (synced) return Promise.resolve();
      if (signal.aborted) return Promise.reject(abortedError(signal, `sync of ${name}`));
      return new Promise((resolve, reject) => {
        const onAbort = (): void => {
          waiters.delete(waiter);
          reject(abortedError(waitSignal as AbortSignal, `sync of ${name}`));
        };
        const settle = (act: () => void) => (): void => {
          waitSignal?.removeEventListener('abort', onAbort);
          act();
        };
        const waiter = {
          resolve: settle(resolve),
          reject: (error: unknown): void => settle(() => reject(error))(),
        };
        if (waitSignal?.aborted === true) {
          onAbort();
          return;
        }
        waiters.add(waiter);
        waitSignal?.addEventListener('abort', onAbort, { once: true });
      });
    },
  };
}
