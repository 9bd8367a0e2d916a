/** What the operator tells of itself and of what it looks after. Read at each scrape; between scrapes only the event loop is sampled. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

import type { Clock } from 'quaymaster/base';

import type { MetricRow, Metrics } from './metrics.ts';

export const ownMetricTable = {
  quaymaster_operator_build_info: { type: 'gauge', help: 'Always 1; the release.', labels: ['version', 'node'] },
  quaymaster_operator_objects: {
    type: 'gauge',
    help: 'McpServers and McpHubs by the status of their condition Ready.',
    labels: ['kind', 'ready'],
  },
  quaymaster_operator_event_loop_delay_seconds: {
    type: 'gauge',
    help: 'How late the event loop ran since the last scrape.',
    labels: ['quantile'],
  },
  quaymaster_operator_log_lines_dropped_total: {
    type: 'counter',
    help: 'Log lines dropped because the reader was too slow.',
    labels: [],
  },
  process_resident_memory_bytes: { type: 'gauge', help: 'Resident memory.', labels: [] },
  quaymaster_operator_heap_bytes: {
    type: 'gauge',
    help: 'Memory of the JavaScript heap in use, and of buffers outside it.',
    labels: ['part'],
  },
  process_cpu_seconds_total: { type: 'counter', help: 'Processor time, user and system.', labels: [] },
  process_start_time_seconds: { type: 'gauge', help: 'Start of the process, seconds since the epoch.', labels: [] },
} as const satisfies Readonly<Record<string, MetricRow>>;

interface Conditioned {
  readonly status?: unknown;
}

export interface OwnMetricSources {
  readonly clock: Clock;
  readonly version: string;
  readonly droppedLines: () => number;
  /** By kind. */
  readonly objects: Readonly<Record<string, () => Iterable<Conditioned>>>;
}

const quantiles: readonly (readonly [string, number])[] = [
  ['0.5', 50],
  ['0.99', 99],
  ['1', 100],
];
const resolutionMs = 20;

export function registerOwnMetrics(metrics: Metrics, sources: OwnMetricSources): () => void {
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  const totals = new Map<string, number>();
  /** A counter that somebody else counts. */
  const grow = (name: string, total: number): void => {
    metrics.count(name, {}, total - (totals.get(name) ?? 0));
    totals.set(name, total);
  };
  metrics.gauge('quaymaster_operator_build_info', { version: sources.version, node: process.versions.node }, 1);
  metrics.gauge('process_start_time_seconds', {}, Math.round(sources.clock.now() / 1000 - process.uptime()));
  metrics.beforeRead(() => {
    for (const [quantile, percentile] of quantiles) {
      // The sampler counts its own period; what is above it is delay. An empty histogram answers NaN or huge minima.
      const nanoseconds = delay.count === 0 ? 0 : Math.max(0, delay.percentile(percentile) - resolutionMs * 1e6);
      metrics.gauge('quaymaster_operator_event_loop_delay_seconds', { quantile }, nanoseconds / 1e9);
    }
    delay.reset();
    const memory = process.memoryUsage();
    metrics.gauge('process_resident_memory_bytes', {}, memory.rss);
    metrics.gauge('quaymaster_operator_heap_bytes', { part: 'used' }, memory.heapUsed);
    metrics.gauge('quaymaster_operator_heap_bytes', { part: 'reserved' }, memory.heapTotal);
    metrics.gauge('quaymaster_operator_heap_bytes', { part: 'external' }, memory.external);
    const used = process.cpuUsage();
    grow('process_cpu_seconds_total', (used.user + used.system) / 1e6);
    grow('quaymaster_operator_log_lines_dropped_total', sources.droppedLines());
    for (const [kind, objects] of Object.entries(sources.objects)) {
      const tally = { True: 0, False: 0, Unknown: 0 };
      for (const object of objects()) tally[readyOf(object)] += 1;
      for (const [ready, count] of Object.entries(tally)) {
        metrics.gauge('quaymaster_operator_objects', { kind, ready }, count);
      }
    }
  });
  return () => delay.disable();
}

function readyOf({ status }: Conditioned): 'True' | 'False' | 'Unknown' {
  const conditions = (status as { readonly conditions?: unknown } | undefined)?.conditions;
  if (!Array.isArray(conditions)) return 'Unknown';
  const ready = (conditions as readonly { readonly type?: unknown; readonly status?: unknown }[]).find(
    (condition) => condition.type === 'Ready',
  );
  return ready?.status === 'True' || ready?.status === 'False' ? ready.status : 'Unknown';
}
