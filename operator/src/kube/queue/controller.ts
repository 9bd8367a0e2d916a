/**
 * Workers that take keys from a queue and reconcile them.
 *
 * One switch over the outcome decides queue and counters together, so that they cannot tell different stories. Whatever a reconcile throws
 * is caught: failures of the API come back with back-off, terminal ones wait for a change of the object, programming errors are counted as
 * panics and repeated. A promise cannot be cancelled: at its deadline the reconcile's signal fires, and the key stays in hand until it ends.
 */
import type { Clock, Logger } from 'quaymaster/base';

import { type MetricSink, noMetrics } from '../metrics/index.ts';
import { classify, KubeError } from '../transport/index.ts';
import { createWorkQueue, type WorkQueue, type WorkQueueOptions } from './work-queue.ts';

/** What a reconcile says about its key. */
export type Result =
  | { readonly kind: 'done' }
  /** Again, with this key's back-off. */
  | { readonly kind: 'requeue' }
  /** Again at a time of its own; no failure. */
  | { readonly kind: 'requeueAfter'; readonly afterMs: number };

export const done: Result = { kind: 'done' };
export const requeue: Result = { kind: 'requeue' };
export function requeueAfter(afterMs: number): Result {
  return { kind: 'requeueAfter', afterMs };
}

/** Thrown by a reconcile that cannot succeed before its object changes. */
export class TerminalError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'TerminalError';
  }
}

export type Reconcile = (key: string, signal: AbortSignal) => Promise<Result>;

export interface Controller {
  readonly name: string;
  readonly queue: WorkQueue;
  start(): void;
  /** No new work; what runs gets `graceMs`, then its signal fires. Resolves when all workers are idle. */
  stop(graceMs?: number): Promise<void>;
}

export interface ControllerOptions {
  readonly name: string;
  readonly reconcile: Reconcile;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics?: MetricSink;
  readonly workers?: number;
  readonly deadlineMs?: number;
  readonly queue?: Pick<WorkQueueOptions, 'limits' | 'maxKeys'>;
}

export function createController(options: ControllerOptions): Controller {
  const { name, clock, logger } = options;
  const metrics = options.metrics ?? noMetrics;
  const workers = options.workers ?? 4;
  const deadlineMs = options.deadlineMs ?? 120_000;
  const queue = createWorkQueue({ name, clock, metrics, ...options.queue });
  const breaking = new AbortController();
  const labels = { controller: name };
  let active = 0;
  let running: Promise<unknown> | undefined;

  const settle = (key: string, priority: number, outcome: Result | { readonly error: unknown }): void => {
    if (!('error' in outcome)) {
      const result = outcome.kind === 'done' ? 'success' : outcome.kind === 'requeue' ? 'requeue' : 'requeue_after';
      metrics.count('controller_runtime_reconcile_total', { ...labels, result });
      if (outcome.kind === 'requeue') {
        queue.addRateLimited(key, { priority });
        return;
      }
      queue.forget(key);
      if (outcome.kind === 'requeueAfter') queue.add(key, { priority, afterMs: Math.max(1, outcome.afterMs) });
      return;
    }
    const { error } = outcome;
    const message = error instanceof Error ? error.message : String(error);
    const verdict = error instanceof TerminalError ? 'terminal' : classify(error);
    // A conflict only says that somebody was faster: read again, without noise.
    if (verdict === 'conflict') {
      metrics.count('controller_runtime_reconcile_total', { ...labels, result: 'requeue' });
      queue.addRateLimited(key, { priority });
      return;
    }
    metrics.count('controller_runtime_reconcile_total', { ...labels, result: 'error' });
    metrics.count('controller_runtime_reconcile_errors_total', labels);
    if (isProgrammingError(error)) {
      metrics.count('controller_runtime_reconcile_panics_total', labels);
      logger.error(
        { controller: name, key, err: message, stack: error instanceof Error ? error.stack : undefined },
        'the reconcile has a fault',
      );
    }
    if (verdict === 'terminal') {
      metrics.count('controller_runtime_terminal_reconcile_errors_total', labels);
      queue.forget(key);
      logger.error({ controller: name, key, err: message }, 'not tried again before something changes');
      return;
    }
    logger.warn({ controller: name, key, err: message, failures: queue.failuresOf(key) + 1 }, 'the reconcile failed');
    const floorMs = error instanceof KubeError ? (error.retryAfterMs ?? 0) : 0;
    queue.addRateLimited(key, { priority, floorMs });
  };

  const reconcileOne = async (key: string, priority: number): Promise<void> => {
    const started = clock.monotonic();
    const ending = new AbortController();
    const stopDeadline = clock.after(deadlineMs, () => {
      metrics.count('controller_runtime_reconcile_timeouts_total', labels);
      ending.abort(new KubeError('KUBE_TIMEOUT', `reconcile of ${key}: over its deadline of ${deadlineMs} ms`));
    });
    const onBreak = (): void => ending.abort(breaking.signal.reason);
    breaking.signal.addEventListener('abort', onBreak, { once: true });
    metrics.gauge('controller_runtime_active_workers', labels, ++active);
    let outcome: Result | { readonly error: unknown };
    try {
      // Plain JavaScript may return nothing.
      outcome = (await options.reconcile(key, ending.signal)) ?? done;
    } catch (error) {
      outcome = { error };
    } finally {
      stopDeadline();
      breaking.signal.removeEventListener('abort', onBreak);
      metrics.gauge('controller_runtime_active_workers', labels, --active);
    }
    metrics.observe('controller_runtime_reconcile_time_seconds', labels, (clock.monotonic() - started) / 1000);
    // Told to stop: the next process starts from the cluster's state, not from our failure.
    if (!breaking.signal.aborted) settle(key, priority, outcome);
  };

  const work = async (): Promise<void> => {
    for (let next = await queue.take(); next !== undefined; next = await queue.take()) {
      try {
        await reconcileOne(next.key, next.priority);
      } finally {
        queue.done(next.key);
      }
    }
  };

  return {
    name,
    queue,
    start() {
      metrics.gauge('controller_runtime_max_concurrent_reconciles', labels, workers);
      running ??= Promise.all(Array.from({ length: workers }, work));
    },
    async stop(graceMs = 30_000) {
      queue.abandon();
      const stopGrace = clock.after(graceMs, () => {
        breaking.abort(new KubeError('KUBE_ABORTED', `controller ${name} stops`));
      });
      await running;
      stopGrace();
    },
  };
}

function isProgrammingError(error: unknown): boolean {
  return (
    error instanceof TypeError ||
    error instanceof ReferenceError ||
    error instanceof RangeError ||
    error instanceof SyntaxError ||
    !(error instanceof Error)
  );
}
