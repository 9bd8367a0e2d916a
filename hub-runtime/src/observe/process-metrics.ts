/** What the process itself tells at each scrape. Read on demand; between scrapes only the event loop is sampled, every 20 ms. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

import type { Clock } from '../base/index.ts';
import type { MetricsRegistry } from './metrics-registry.ts';

const quantiles: readonly (readonly [string, number])[] = [
  ['0.5', 50],
  ['0.99', 99],
  ['1', 100],
];

export function registerProcessMetrics(
  registry: MetricsRegistry,
  clock: Clock,
  version: string,
  droppedLines: () => number,
): void {
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  registry.gauge('quaymaster_event_loop_delay_seconds', (gauge) => {
    for (const [label, percentile] of quantiles) {
      // The sampler counts its own period; what is above it is delay. An empty histogram answers NaN or huge minima.
      const nanoseconds = delay.count === 0 ? 0 : Math.max(0, delay.percentile(percentile) - 20e6);
      gauge.set({ quantile: label }, nanoseconds / 1e9);
    }
    delay.reset();
  });
  registry.gauge('quaymaster_build_info').set({ version, node: process.versions.node }, 1);
  registry.gauge('process_resident_memory_bytes', (gauge) => gauge.set(process.memoryUsage.rss()));
  registry.gauge('process_start_time_seconds').set(Math.round(clock.now() / 1000 - process.uptime()));
  registry.gauge('process_uptime_seconds', (gauge) => gauge.set(process.uptime()));
  registry.total('process_cpu_seconds_total', (set) => {
    const used = process.cpuUsage();
    set({}, (used.user + used.system) / 1e6);
  });
  registry.total('quaymaster_log_lines_dropped_total', (set) => set({}, droppedLines()));
}
