/**
 * Leader election over a Lease, and the fence that every write of a leader passes.
 *
 * Times are measured on the local monotonic clock only: a standby takes over when the record has not changed for its whole duration *as seen
 * by itself*, so clocks of machines need not agree. A leader counts its office from the moment it *sent* the renewal and stops writing at
 * the renew deadline, well before anyone else may start: a process that was paused wakes up fenced and writes nothing.
 *
 * A lost office is final for this process (promises cannot be cancelled): `whenLost` resolves, and the caller exits.
 * Defaults 10 s lease, 7 s renew deadline, 2 s retry: with the jitter of 1.2 a standby acts at most 12.4 s after the last renewal.
 */
import type { Clock, Logger, Random } from 'quaymaster/base';

import { type MetricSink, noMetrics } from '../metrics/index.ts';
import type { KubeObject, Resource } from '../objects/index.ts';
import { isStatus, type KubeClient, KubeError, pause } from '../transport/index.ts';

export const leaseResource: Resource = {
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
};

export interface Lease extends KubeObject {
  readonly spec?: {
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    readonly acquireTime?: string;
    readonly renewTime?: string;
    readonly leaseTransitions?: number;
  };
}

export interface ElectionOptions {
  /** A client without guard, with `urgent` set: the lease must not wait behind the leader's own work. */
  readonly client: KubeClient;
  readonly namespace: string;
  readonly name: string;
  /** Unique per process: Pod name and something random, since a restarted container keeps its Pod's name. */
  readonly identity: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics?: MetricSink;
  readonly leaseMs?: number;
  readonly renewDeadlineMs?: number;
  readonly retryMs?: number;
}

export interface Election {
  /** Starts to stand for office. */
  start(): void;
  /** Resolves on the day of election; rejects when stopped or the signal fires before. */
  whenLeader(signal?: AbortSignal): Promise<void>;
  /** Resolves with the reason when an office that was held is lost. Final: the caller exits, since a promise cannot be cancelled. */
  whenLost(): Promise<string>;
  readonly isLeader: boolean;
  /** Identity in the record as last read: whom a standby may point to. */
  readonly leader: string | undefined;
  /** Throws KUBE_FENCED unless this process leads at this very moment. The `guard` of every writing client. */
  readonly fence: () => void;
  /** Stops standing, and gives the office back so that the next leader need not wait. Call it after the last write. */
  release(): Promise<void>;
}

const jitter = 0.2;

export function createElection(options: ElectionOptions): Election {
  const { clock, client, identity, logger } = options;
  const metrics = options.metrics ?? noMetrics;
  const leaseMs = options.leaseMs ?? 10_000;
  const renewDeadlineMs = options.renewDeadlineMs ?? 7000;
  const retryMs = options.retryMs ?? 2000;
  if (!(retryMs * (1 + jitter) < renewDeadlineMs && renewDeadlineMs < leaseMs)) {
    throw new RangeError('an election needs retry * 1.2 < renew deadline < lease duration');
  }
  const stopping = new AbortController();
  const waiters = new Set<{ resolve: () => void; reject: (error: unknown) => void }>();
  let phase: 'standby' | 'leader' | 'lost' | 'released' = 'standby';
  /** Until when this process may write. */
  let leaderUntil = Number.NEGATIVE_INFINITY;
  let record: Lease | undefined;
  /** The record in one line, and since when we see it so. */
  let observed: { readonly print: string; readonly atMs: number } | undefined;
  let running: Promise<void> | undefined;
  let tellLost: (reason: string) => void = () => {};
  const lost = new Promise<string>((resolve) => {
    tellLost = resolve;
  });

  const isLeader = (): boolean => phase === 'leader' && clock.monotonic() < leaderUntil;

  const observe = (lease: Lease): void => {
    record = lease;
    const print = `${lease.metadata.resourceVersion} ${JSON.stringify(lease.spec)}`;
    if (observed?.print !== print) observed = { print, atMs: clock.monotonic() };
  };

  /** May we take it? Ours, given back, or not renewed for its own duration while we watched. */
  const isFree = (lease: Lease): boolean => {
    const holder = lease.spec?.holderIdentity ?? '';
    if (holder === '' || holder === identity) return true;
    const durationMs = (lease.spec?.leaseDurationSeconds ?? leaseMs / 1000) * 1000;
    return observed !== undefined && clock.monotonic() >= observed.atMs + durationMs;
  };

  const claim = (previous: Lease | undefined): Lease => {
    const now = microTime(clock.now());
    const spec = previous?.spec;
    const mine = spec?.holderIdentity === identity;
    return {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: previous?.metadata ?? { name: options.name, namespace: options.namespace },
      spec: {
        holderIdentity: identity,
        leaseDurationSeconds: Math.ceil(leaseMs / 1000),
        acquireTime: mine ? (spec.acquireTime ?? now) : now,
        renewTime: now,
        leaseTransitions: (spec?.leaseTransitions ?? 0) + (mine || previous === undefined ? 0 : 1),
      },
    };
  };

  /** One try to take or keep the office. True when it is ours. */
  const attempt = async (signal: AbortSignal): Promise<boolean> => {
    // As a leader the record in hand is enough; a conflict tells when it is not.
    if (phase !== 'leader' || record === undefined) {
      try {
        observe(await client.get<Lease>(leaseResource, options.namespace, options.name, signal));
      } catch (error) {
        if (!isStatus(error, 404)) throw error;
        const sent = clock.monotonic();
        observe(await client.create(leaseResource, claim(undefined), undefined, signal));
        leaderUntil = sent + renewDeadlineMs;
        return true;
      }
    }
    if (record === undefined || !isFree(record)) return false;
    const sent = clock.monotonic();
    try {
      observe(await client.replace(leaseResource, claim(record), undefined, signal));
    } catch (error) {
      if (isStatus(error, 409) || isStatus(error, 404)) {
        record = undefined;
        if (isStatus(error, 404) || phase !== 'leader') return false;
        // Somebody touched the record (an annotation, perhaps). Look who holds it before giving up the office.
        observe(await client.get<Lease>(leaseResource, options.namespace, options.name, signal));
        return false;
      }
      throw error;
    }
    leaderUntil = sent + renewDeadlineMs;
    return true;
  };

  const become = (): void => {
    phase = 'leader';
    metrics.gauge('leader_election_master_status', { name: options.name }, 1);
    logger.info({ lease: options.name, identity }, 'this process leads');
    for (const waiter of waiters) waiter.resolve();
    waiters.clear();
  };

  const lose = (reason: string): void => {
    phase = 'lost';
    metrics.gauge('leader_election_master_status', { name: options.name }, 0);
    logger.error({ lease: options.name, identity, reason }, 'this process leads no more');
    tellLost(reason);
  };

  /** A try that may last no longer than the office does, or a retry as a standby. */
  const bounded = async (): Promise<boolean> => {
    const limit = new AbortController();
    const limitMs = phase === 'leader' ? Math.max(1, leaderUntil - clock.monotonic()) : renewDeadlineMs;
    const cancel = clock.after(limitMs, () =>
      limit.abort(new KubeError('KUBE_TIMEOUT', 'the lease was not renewed in time')),
    );
    try {
      return await attempt(AbortSignal.any([limit.signal, stopping.signal]));
    } finally {
      cancel();
    }
  };

  const run = async (): Promise<void> => {
    const signal = stopping.signal;
    metrics.gauge('leader_election_master_status', { name: options.name }, 0);
    while (!signal.aborted) {
      // First the clock: a process that slept through its office must not renew as if nothing had been.
      if (phase === 'leader' && !isLeader()) {
        lose('not renewed in time');
        return;
      }
      try {
        const ours = await bounded();
        if (ours && phase === 'standby') become();
        const holder = record?.spec?.holderIdentity;
        if (!ours && phase === 'leader' && holder !== undefined && holder !== identity) {
          lose(`taken over by ${holder === '' ? 'nobody' : holder}`);
          return;
        }
      } catch (error) {
        if (signal.aborted) break;
        const err = error instanceof Error ? error.message : String(error);
        logger.warn({ lease: options.name, err }, 'the lease could not be read or renewed');
      }
      const wait = retryMs * (1 + jitter * options.random());
      const untilEnd = phase === 'leader' ? Math.max(0, leaderUntil - clock.monotonic()) : wait;
      await pause(clock, Math.min(wait, untilEnd), signal).catch(() => {});
    }
  };

  const giveBack = async (): Promise<void> => {
    try {
      // Read anew: a renewal that was broken off may still have arrived.
      const current = await client.get<Lease>(leaseResource, options.namespace, options.name);
      if (current.spec?.holderIdentity !== identity) return;
      const spec = { ...current.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime(clock.now()) };
      await client.replace<Lease>(leaseResource, { ...current, spec });
    } catch (error) {
      // It runs out by itself.
      const err = error instanceof Error ? error.message : String(error);
      logger.warn({ lease: options.name, err }, 'the lease was not given back');
    }
  };

  return {
    start() {
      running ??= run();
    },
    get isLeader() {
      return isLeader();
    },
    get leader() {
      const holder = record?.spec?.holderIdentity;
      return holder === '' ? undefined : holder;
    },
    fence: () => {
      if (!isLeader())
        throw new KubeError('KUBE_FENCED', `${identity} does not hold lease ${options.name}: nothing is written`);
    },
    whenLost: () => lost,
    whenLeader(signal) {
      if (isLeader()) return Promise.resolve();
      return new Promise((resolve, reject) => {
        const onAbort = (): void => {
          waiters.delete(waiter);
          reject(new KubeError('KUBE_ABORTED', 'stopped before the election'));
        };
        const clean = (): void => signal?.removeEventListener('abort', onAbort);
        const waiter = {
          resolve: (): void => {
            clean();
            resolve();
          },
          reject: (error: unknown): void => {
            clean();
            reject(error);
          },
        };
        if (signal?.aborted === true || phase === 'lost' || phase === 'released') {
          onAbort();
          return;
        }
        waiters.add(waiter);
        signal?.addEventListener('abort', onAbort, { once: true });
      });
    },
    async release() {
      stopping.abort(new KubeError('KUBE_ABORTED', 'the election stops'));
      await running;
      const held = isLeader();
      if (phase !== 'lost') phase = 'released';
      // From here on the fence is shut, whatever becomes of the record.
      leaderUntil = Number.NEGATIVE_INFINITY;
      for (const waiter of waiters) waiter.reject(new KubeError('KUBE_ABORTED', 'stopped before the election'));
      waiters.clear();
      metrics.gauge('leader_election_master_status', { name: options.name }, 0);
      if (held) await giveBack();
    },
  };
}

/** MicroTime as Kubernetes wants it. */
function microTime(nowMs: number): string {
  return new Date(nowMs).toISOString().replace('Z', '000Z');
}
