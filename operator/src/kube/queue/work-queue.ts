/**
 * The work queue of a controller: keys, never events, so that ten changes of one object are one reconcile.
 *
 * A key is in at most one of *ready* (by priority, first in first out inside one), *waiting* (until a time) and *processing*; a key that is
 * added while it is processed is *dirty* and comes back at `done`. So one key never runs twice at once, and no change is lost.
 * A key that is there already takes the higher priority and the shorter wait; a raised key goes to the end of its new priority.
 */
import type { Clock } from 'quaymaster/base';

import { type MetricSink, noMetrics } from '../metrics/index.ts';
import { createDelayHeap } from './delay-heap.ts';
import { createRateLimiter, type RateLimits } from './rate-limiter.ts';

/** What somebody just did comes first; what was there at the start or comes again by resync waits behind it. */
export const priorities = { edit: 0, background: -100 } as const;

export interface AddOptions {
  readonly priority?: number;
  readonly afterMs?: number;
}

export interface WorkQueue {
  /** False when the queue is full or abandoned. */
  add(key: string, options?: AddOptions): boolean;
  /** After a failure: the back-off of this key, at least `floorMs`. */
  addRateLimited(key: string, options?: { readonly priority?: number; readonly floorMs?: number }): boolean;
  /** After a success: the key's back-off starts anew. */
  forget(key: string): void;
  failuresOf(key: string): number;
  /** The next key, or undefined once the queue is abandoned. Every key that is taken must be given back with `done`. */
  take(): Promise<{ readonly key: string; readonly priority: number } | undefined>;
  done(key: string): void;
  /** No more additions; whatever is ready or waits is dropped: the next process reads the whole cluster anyway. `take` gives undefined. */
  abandon(): void;
  readonly depth: number;
  readonly waiting: number;
  readonly processing: number;
  /** Sets the gauges that only have a value at a moment. */
  report(): void;
}

export interface WorkQueueOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly metrics?: MetricSink;
  readonly limits?: Partial<RateLimits>;
  /** Keys in all states together. */
  readonly maxKeys?: number;
}

interface Ready {
  readonly priority: number;
  readonly sinceMs: number;
}

export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  return new KeyQueue(options);
}

class KeyQueue implements WorkQueue {
  readonly #clock: Clock;
  readonly #metrics: MetricSink;
  readonly #labels: { readonly name: string; readonly controller: string };
  readonly #maxKeys: number;
  readonly #limiter;
  /** Priority → keys in order of arrival. A Map keeps insertion order, which makes it the FIFO. */
  readonly #ready = new Map<number, Map<string, Ready>>();
  readonly #readyOf = new Map<string, number>();
  readonly #processing = new Map<string, number>();
  readonly #dirty = new Map<string, number>();
  readonly #waiting = createDelayHeap();
  readonly #takers = new Set<() => void>();
  #cancelTimer: (() => void) | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #closed = false;

  constructor(options: WorkQueueOptions) {
    this.#clock = options.clock;
    this.#metrics = options.metrics ?? noMetrics;
    this.#labels = { name: options.name, controller: options.name };
    this.#maxKeys = options.maxKeys ?? 200_000;
    this.#limiter = createRateLimiter(options.clock, this.#maxKeys, options.limits);
  }

  get depth(): number {
    return this.#readyOf.size;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  get processing(): number {
    return this.#processing.size;
  }

  add(key: string, options: AddOptions = {}): boolean {
    if (this.#closed) return false;
    const priority = options.priority ?? priorities.edit;
    const afterMs = options.afterMs ?? 0;
    const known = this.#readyOf.has(key) || this.#waiting.has(key) || this.#processing.has(key);
    if (!known && this.#size() >= this.#maxKeys) {
      this.#metrics.count('quaymaster_workqueue_refused_total', { name: this.#labels.name });
      return false;
    }
    this.#metrics.count('workqueue_adds_total', this.#labels);
    if (afterMs > 0) this.#wait(key, priority, afterMs);
    else this.#makeReady(key, priority);
    return true;
  }

  addRateLimited(key: string, options: { readonly priority?: number; readonly floorMs?: number } = {}): boolean {
    this.#metrics.count('workqueue_retries_total', this.#labels);
    const afterMs = Math.max(this.#limiter.next(key), options.floorMs ?? 0);
    return this.add(key, { afterMs, ...(options.priority === undefined ? {} : { priority: options.priority }) });
  }

  forget(key: string): void {
    this.#limiter.forget(key);
  }

  failuresOf(key: string): number {
    return this.#limiter.failuresOf(key);
  }

  async take(): Promise<{ readonly key: string; readonly priority: number } | undefined> {
    for (;;) {
      const next = this.#pop();
      if (next !== undefined) return next;
      if (this.#closed) return undefined;
      await this.#changed();
    }
  }

  done(key: string): void {
    const started = this.#processing.get(key);
    if (started === undefined) return;
    this.#processing.delete(key);
    this.#metrics.observe('workqueue_work_duration_seconds', this.#labels, (this.#clock.monotonic() - started) / 1000);
    const priority = this.#dirty.get(key);
    if (priority === undefined) return;
    this.#dirty.delete(key);
    this.#makeReady(key, priority);
  }

  abandon(): void {
    this.#closed = true;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#waiting.clear();
    this.#dirty.clear();
    this.#ready.clear();
    this.#readyOf.clear();
    this.#wake(Number.POSITIVE_INFINITY);
  }

  report(): void {
    const now = this.#clock.monotonic();
    let sum = 0;
    let longest = 0;
    for (const started of this.#processing.values()) {
      sum += now - started;
      longest = Math.max(longest, now - started);
    }
    this.#metrics.gauge('workqueue_unfinished_work_seconds', this.#labels, sum / 1000);
    this.#metrics.gauge('workqueue_longest_running_processor_seconds', this.#labels, longest / 1000);
    for (const [priority, keys] of this.#ready) this.#gaugeDepth(priority, keys.size);
  }

  #size(): number {
    return this.#readyOf.size + this.#waiting.size + this.#processing.size;
  }

  #makeReady(key: string, priority: number): void {
    // The shorter wait wins: who waits is ready now, with the higher of its priorities.
    const waited = this.#waiting.remove(key);
    const wanted = Math.max(priority, waited ?? priority);
    if (this.#processing.has(key)) {
      this.#dirty.set(key, Math.max(wanted, this.#dirty.get(key) ?? wanted));
      return;
    }
    const current = this.#readyOf.get(key);
    let sinceMs = this.#clock.monotonic();
    if (current !== undefined) {
      if (current >= wanted) return;
      const old = this.#ready.get(current);
      sinceMs = old?.get(key)?.sinceMs ?? sinceMs;
      old?.delete(key);
      this.#gaugeDepth(current, old?.size ?? 0);
    }
    let keys = this.#ready.get(wanted);
    if (keys === undefined) {
      keys = new Map();
      this.#ready.set(wanted, keys);
    }
    keys.set(key, { priority: wanted, sinceMs });
    this.#readyOf.set(key, wanted);
    this.#gaugeDepth(wanted, keys.size);
    this.#wake(1);
  }

  #wait(key: string, priority: number, afterMs: number): void {
    const ready = this.#readyOf.get(key);
    if (ready !== undefined) {
      // It runs sooner than this wish; only its priority may rise.
      if (priority > ready) this.#makeReady(key, priority);
      return;
    }
    this.#waiting.add(key, this.#clock.monotonic() + afterMs, priority);
    this.#arm();
  }

  #pop(): { readonly key: string; readonly priority: number } | undefined {
    let best: number | undefined;
    for (const [priority, keys] of this.#ready) {
      if (keys.size > 0 && (best === undefined || priority > best)) best = priority;
    }
    if (best === undefined) return undefined;
    const keys = this.#ready.get(best);
    const first = keys?.entries().next();
    if (keys === undefined || first === undefined || first.done === true) return undefined;
    const [key, entry] = first.value;
    keys.delete(key);
    this.#readyOf.delete(key);
    // Priorities are few, but a caller may compute them: an empty one leaves no trace.
    if (keys.size === 0) this.#ready.delete(best);
    this.#gaugeDepth(best, keys.size);
    const now = this.#clock.monotonic();
    this.#metrics.observe('workqueue_queue_duration_seconds', this.#labels, (now - entry.sinceMs) / 1000);
    this.#processing.set(key, now);
    return { key, priority: best };
  }

  #gaugeDepth(priority: number, value: number): void {
    this.#metrics.gauge('workqueue_depth', { ...this.#labels, priority: String(priority) }, value);
  }

  /** One timer for all that wait. */
  #arm(): void {
    const next = this.#waiting.nextAt;
    if (next === undefined || this.#closed) return;
    if (this.#cancelTimer !== undefined && this.#timerAt <= next) return;
    this.#cancelTimer?.();
    this.#timerAt = next;
    this.#cancelTimer = this.#clock.after(Math.max(0, next - this.#clock.monotonic()), () => {
      this.#cancelTimer = undefined;
      for (const { key, priority } of this.#waiting.takeDue(this.#clock.monotonic())) this.#makeReady(key, priority);
      this.#arm();
    });
  }

  #changed(): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#takers.delete(wake);
        resolve();
      };
      this.#takers.add(wake);
    });
  }

  #wake(count: number): void {
    let left = count;
    for (const taker of this.#takers) {
      if (left <= 0) return;
      left -= 1;
      taker();
    }
  }
}
