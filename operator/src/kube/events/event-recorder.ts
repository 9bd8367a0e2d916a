/**
 * Events for people (`events.k8s.io/v1`): `kubectl describe` shows them under the object.
 *
 * Meant for transitions, never for retries; should a caller repeat itself, the repetition becomes a series on the first event instead of a
 * new one, and a bucket per object bounds the rest. Written in the background: recording never waits, never throws, and what does not fit
 * is dropped and counted. `flush` at the end writes what is left.
 */
import type { Clock, Logger } from 'quaymaster/base';

import { type MetricSink, noMetrics } from '../metrics/index.ts';
import type { KubeObject, ObjectMeta, Resource } from '../objects/index.ts';
import { createTokenBucket, isStatus, type KubeClient, type TokenBucket } from '../transport/index.ts';

export const eventResource: Resource = {
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  namespaced: true,
};

export interface EventInput {
  readonly regarding: KubeObject;
  readonly related?: KubeObject;
  readonly type: 'Normal' | 'Warning';
  /** CamelCase, from the table of reasons. */
  readonly reason: string;
  /** What was done or not done, CamelCase: `Reconcile`, `Rollout`. */
  readonly action: string;
  readonly note: string;
}

export interface EventRecorder {
  record(event: EventInput): void;
  /** Resolves when everything recorded so far is written or dropped. */
  flush(): Promise<void>;
  readonly pending: number;
}

export interface EventRecorderOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics?: MetricSink;
  /** Name of the controller, with a domain: `example.com/operator`. */
  readonly controller: string;
  /** This process. */
  readonly instance: string;
  /** Random suffix of an event's name. */
  readonly newId: () => string;
  readonly maxPending?: number;
  readonly maxSeries?: number;
  readonly maxObjects?: number;
}

interface Series {
  readonly name: string;
  readonly namespace: string;
  count: number;
  lastMs: number;
  /** The first event is written, so there is something to patch. */
  written: boolean;
}

interface Job {
  readonly series: Series;
  readonly event: KubeObject;
  readonly again: boolean;
}

/** A repetition within this time continues the series (client-go: 6 minutes). */
const seriesMs = 6 * 60_000;
/** A thousand objects that become Ready together are a thousand events. */
const writers = 4;
const burstPerObject = 25;
const perSecondPerObject = 1 / 300;

export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  const { clock, client } = options;
  const metrics = options.metrics ?? noMetrics;
  const maxPending = options.maxPending ?? 2000;
  const series = new Map<string, Series>();
  const buckets = new Map<string, TokenBucket>();
  const jobs: Job[] = [];
  /** Series of which a write is under way; the next one of it waits. */
  const busy = new Set<Series>();
  const working = new Set<Promise<void>>();

  const dropped = (reason: string): void => metrics.count('quaymaster_events_dropped_total', { reason });

  const allowed = (uid: string): boolean => {
    let bucket = buckets.get(uid);
    if (bucket === undefined) {
      bucket = createTokenBucket({ perSecond: perSecondPerObject, burst: burstPerObject }, clock);
      addBounded(buckets, uid, bucket, options.maxObjects ?? 5000);
    }
    // A bucket that is overdrawn stays so; nothing waits here.
    return bucket.reserve() === 0;
  };

  const write = async (job: Job): Promise<void> => {
    const { series: current, event } = job;
    try {
      if (job.again && current.written) {
        const patch = { series: { count: current.count, lastObservedTime: microTime(current.lastMs) } };
        await client.merge(eventResource, event, patch);
      } else {
        await client.create(eventResource, event);
        current.written = true;
      }
    } catch (error) {
      if (job.again && isStatus(error, 404)) {
        // Events live an hour; the series outlived its first one.
        current.written = false;
        await client.create(eventResource, event).then(
          () => {
            current.written = true;
          },
          () => dropped('refused'),
        );
        return;
      }
      dropped('refused');
      options.logger.debug({ err: error instanceof Error ? error.message : String(error) }, 'an event was not written');
    }
  };

  const take = (): Job | undefined => {
    const at = jobs.findIndex(({ series: each }) => !busy.has(each));
    return at === -1 ? undefined : jobs.splice(at, 1)[0];
  };
  const work = async (): Promise<void> => {
    for (let job = take(); job !== undefined; job = take()) {
      busy.add(job.series);
      await write(job);
      busy.delete(job.series);
    }
  };
  const begin = (): void => {
    if (working.size >= writers) return;
    const worker = work().finally(() => working.delete(worker));
    working.add(worker);
  };

  return {
    record(input) {
      const { uid, name } = input.regarding.metadata;
      if (!allowed(uid ?? name)) {
        dropped('rate');
        return;
      }
      const id = [uid ?? name, input.type, input.reason, input.action, input.note, input.related?.metadata.uid].join(
        '\n',
      );
      const now = clock.now();
      let current = series.get(id);
      const again = current !== undefined && now - current.lastMs < seriesMs;
      if (current === undefined || !again) {
        const namespace = input.regarding.metadata.namespace ?? 'default';
        current = {
          name: `${name.slice(0, 200)}.${options.newId()}`,
          namespace,
          count: 1,
          lastMs: now,
          written: false,
        };
        series.delete(id);
        addBounded(series, id, current, options.maxSeries ?? 2000);
      } else {
        current.count += 1;
        current.lastMs = now;
        // The patch that waits already will carry this count.
        const waiting = current;
        if (jobs.some((job) => job.series === waiting && job.again)) return;
      }
      if (jobs.length >= maxPending) {
        dropped('full');
        return;
      }
      jobs.push({ series: current, event: render(input, current, options, now), again });
      begin();
    },
    async flush() {
      while (working.size > 0) await Promise.all(working);
    },
    get pending() {
      return jobs.length;
    },
  };
}

function render(input: EventInput, series: Series, options: EventRecorderOptions, nowMs: number): KubeObject {
  const event = {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name: series.name, namespace: series.namespace } satisfies ObjectMeta,
    eventTime: microTime(nowMs),
    type: input.type,
    // Bounds of the API: 128 characters each, 1024 bytes for the note.
    reason: input.reason.slice(0, 128),
    action: input.action.slice(0, 128),
    note: clip(input.note, 1024),
    reportingController: options.controller,
    reportingInstance: options.instance.slice(0, 128),
    regarding: reference(input.regarding),
    ...(input.related === undefined ? {} : { related: reference(input.related) }),
  };
  return event;
}

function reference(object: KubeObject): Readonly<Record<string, string>> {
  const { name, namespace, uid, resourceVersion } = object.metadata;
  return {
    apiVersion: object.apiVersion,
    kind: object.kind,
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
}

/** At most `bytes` of UTF-8, never half a character. */
function clip(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text;
  let end = bytes - 3;
  const buffer = Buffer.from(text);
  while (end > 0 && ((buffer[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return `${buffer.toString('utf8', 0, end)}...`;
}

function addBounded<V>(map: Map<string, V>, key: string, value: V, max: number): void {
  const oldest = map.keys().next();
  if (map.size >= max && oldest.done !== true) map.delete(oldest.value);
  map.set(key, value);
}

function microTime(nowMs: number): string {
  return new Date(nowMs).toISOString().replace('Z', '000Z');
}
