/**
 * Puts the parts in order: caches first, on every replica; then the election; then, on the leader only, the controllers.
 *
 * A standby keeps warm caches and is ready too (were it not, a rolling update would wait for ever). At the end: no new work, running
 * reconciles finish, `onStopping` flushes what is left, the lease goes back, the watches close. A lost office ends the same way, but
 * without grace: the fence is shut already, and `run` rejects so that the process exits non-zero.
 */
import type { Clock, Logger, Random } from 'quaymaster/base';

import type { MetricSink } from '../metrics/index.ts';
import type { KubeObject } from '../objects/index.ts';
import type { Election } from '../lease/index.ts';
import type { Controller } from '../queue/index.ts';
import type { ReflectorLimits } from '../reflector/index.ts';
import { createSharing } from '../store/index.ts';
import { createDiscovery, type KubeClient, KubeError, pause } from '../transport/index.ts';
import {
  createInformer,
  type Informer,
  informerIdentity,
  type InformerRequest,
  type RunningInformer,
} from './informer.ts';

export interface ManagerOptions {
  /** For reading only; writers have clients of their own with the fence as guard. */
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics?: MetricSink;
  /** Absent: this process is the only one and leads at once. */
  readonly election?: Election;
  readonly limits?: Partial<ReflectorLimits>;
  readonly graceMs?: number;
}

/** How long a reconcile may take to notice that it was told to end. */
const lingerMs = 2000;

export interface Readiness {
  readonly ready: boolean;
  readonly leading: boolean;
  /** Per cache that is not synced: what it is doing or what it met last. */
  readonly waitingFor: readonly string[];
}

export interface Manager {
  /** The shared cache of a kind. Asking for the same again gives the same; asking after the start starts it at once. */
  informer<T extends KubeObject>(request: InformerRequest<T>): Informer<T>;
  addController(controller: Controller): void;
  /** Runs on the leader after the caches are warm, before the first reconcile. */
  onLeading(task: (signal: AbortSignal) => Promise<void>): void;
  /** Runs after the last reconcile, while writing is still allowed. */
  onStopping(task: () => Promise<void>): void;
  /** Until the signal fires. Rejects when the office is lost. */
  run(signal: AbortSignal): Promise<void>;
  readonly readiness: Readiness;
  /** Every handler hears of every object again: proves that nothing is written when nothing changed. */
  resync(): void;
  /** Sets gauges; call it before metrics are read. */
  report(): void;
}

export function createManager(options: ManagerOptions): Manager {
  const discovery = createDiscovery(options.client.transport, options.clock);
  const sharing = createSharing();
  const informers = new Map<
    string,
    { readonly informer: RunningInformer; readonly indexers: unknown; readonly transform: unknown }
  >();
  const controllers: Controller[] = [];
  const leadingTasks: ((signal: AbortSignal) => Promise<void>)[] = [];
  const stoppingTasks: (() => Promise<void>)[] = [];
  let running = false;
  let leading = false;

  const lead = async (signal: AbortSignal): Promise<void> => {
    await Promise.all([...informers.values()].map(({ informer }) => informer.whenSynced(signal)));
    options.election?.start();
    await options.election?.whenLeader(signal);
    for (const task of leadingTasks) await task(signal);
    leading = true;
    for (const controller of controllers) controller.start();
  };

  return {
    informer<T extends KubeObject>(request: InformerRequest<T>): Informer<T> {
      const id = informerIdentity(request);
      const known = informers.get(id);
      if (known !== undefined) {
        // Two users with different indexes or transforms would silently get each other's.
        if (known.indexers !== request.indexers || known.transform !== request.transform) {
          throw new TypeError(`the cache ${id} is asked for twice, with different indexers or transforms`);
        }
        return known.informer as unknown as Informer<T>;
      }
      const informer = createInformer(request, {
        client: options.client,
        discovery,
        clock: options.clock,
        random: options.random,
        logger: options.logger,
        sharing,
        ...(options.metrics === undefined ? {} : { metrics: options.metrics }),
        ...(options.limits === undefined ? {} : { limits: options.limits }),
      });
      informers.set(id, {
        informer: informer as unknown as RunningInformer,
        indexers: request.indexers,
        transform: request.transform,
      });
      if (running) informer.start();
      return informer;
    },
    addController(controller) {
      controllers.push(controller);
      if (leading) controller.start();
    },
    onLeading(task) {
      leadingTasks.push(task);
    },
    onStopping(task) {
      stoppingTasks.push(task);
    },
    async run(signal) {
      running = true;
      for (const { informer } of informers.values()) informer.start();
      const stopped = new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
      const lost = options.election?.whenLost() ?? new Promise<never>(() => {});
      let failure: unknown;
      const lingering = new AbortController();
      const work = lead(signal).then(() => stopped);
      try {
        await Promise.race([work, stopped, lost.then((reason) => Promise.reject(lostError(reason)))]);
      } catch (error) {
        if (!signal.aborted) failure = error;
      }
      leading = false;
      running = false;
      // The office is gone: nothing may be waited for, every write would be refused.
      const graceMs = failure === undefined ? (options.graceMs ?? 30_000) : 0;
      const idle = Promise.all(controllers.map((controller) => controller.stop(graceMs)));
      // A reconcile that hears no signal cannot be ended; it must not keep the process from its end either.
      await Promise.race([idle, pause(options.clock, graceMs + lingerMs, lingering.signal).catch(() => {})]);
      lingering.abort();
      if (failure === undefined) for (const task of stoppingTasks) await task().catch(() => {});
      await options.election?.release();
      await Promise.all([...informers.values()].map(({ informer }) => informer.stop()));
      if (failure !== undefined) throw failure;
    },
    get readiness() {
      const waitingFor: string[] = [];
      for (const { informer } of informers.values()) {
        if (informer.synced) continue;
        const state = informer.states.find((each) => !each.synced);
        waitingFor.push(`${informer.resource.plural}: ${state?.lastError ?? state?.phase ?? 'idle'}`);
      }
      return {
        ready: running && waitingFor.length === 0,
        leading: leading && (options.election?.isLeader ?? true),
        waitingFor,
      };
    },
    resync() {
      for (const { informer } of informers.values()) informer.store.resync();
    },
    report() {
      for (const { informer } of informers.values()) informer.report();
      for (const controller of controllers) controller.queue.report();
    },
  };
}

function lostError(reason: string): KubeError {
  return new KubeError('KUBE_FENCED', `leadership lost: ${reason}`);
}
