/** What a reflector is told and what it tells. */
import type { Clock, Logger, Random } from 'quaymaster/base';

import type { MetricSink } from '../metrics/index.ts';
import type { Resource } from '../objects/index.ts';
import type { StoreWriter } from '../store/index.ts';
import type { Discovery, KubeClient } from '../transport/index.ts';

export interface Scope {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

export interface ReflectorOptions {
  readonly client: KubeClient;
  readonly discovery: Discovery;
  readonly resource: Resource;
  readonly scope?: Scope;
  readonly store: StoreWriter;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics?: MetricSink;
  /** The kind may be absent from this cluster; then it counts as synced and empty, and is looked for now and then. */
  readonly optional?: boolean;
  /** Only metadata is asked for. */
  readonly metadataOnly?: boolean;
  readonly limits?: Partial<ReflectorLimits>;
}

/** All times in milliseconds. Defaults are client-go's where it has one. */
export interface ReflectorLimits {
  /** First ceiling of the back-off; doubles up to `maxBackoffMs`, with full jitter. */
  readonly baseBackoffMs: number;
  readonly maxBackoffMs: number;
  /** A watch that lived this long ends the series of failures. */
  readonly healthyAfterMs: number;
  /** A watch lasts between this and twice this, so that many do not return together. */
  readonly watchMs: number;
  /** Longest silence. The server sends bookmarks about once a minute. */
  readonly idleMs: number;
  /** Longest silence before the initial events of a streaming list are complete. */
  readonly initialIdleMs: number;
  /** A watch that ended sooner, without one event, counts as failed. */
  readonly shortWatchMs: number;
  /** How often an absent optional kind is looked for. */
  readonly absentMs: number;
  /** How often a kind that should be there is looked for. */
  readonly returnMs: number;
  readonly pageSize: number;
}

export const defaultReflectorLimits: ReflectorLimits = {
  baseBackoffMs: 800,
  maxBackoffMs: 30_000,
  healthyAfterMs: 120_000,
  watchMs: 300_000,
  idleMs: 150_000,
  initialIdleMs: 30_000,
  shortWatchMs: 1000,
  absentMs: 60_000,
  returnMs: 5000,
  pageSize: 500,
};

export type ReflectorPhase =
  | 'idle'
  /** Reading everything. */
  | 'listing'
  | 'watching'
  /** Waiting before the next try. */
  | 'waiting'
  /** The kind is not served. */
  | 'absent'
  | 'stopped';

export interface ReflectorState {
  readonly phase: ReflectorPhase;
  /** The store holds what the cluster held at some moment since the start. */
  readonly synced: boolean;
  readonly lastError: string | undefined;
  readonly failures: number;
  readonly relists: number;
}

export interface Reflector {
  start(): void;
  /** Ends in peace whatever it is doing. Resolves when nothing of it is left. */
  stop(): Promise<void>;
  readonly state: ReflectorState;
  /** Resolves once synced; rejects when the signal fires or the reflector stops first. */
  whenSynced(signal?: AbortSignal): Promise<void>;
}
