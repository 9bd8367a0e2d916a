/**
 * A prom-client registry whose metrics can only come from the metric table, so names, help and labels exist in one place.
 *
 * The modules of prom-client that are used, and not its index, which brings clusters and a push gateway along at every start.
 */
import type { Metric } from 'prom-client';
import Counter from 'prom-client/lib/counter.js';
import Gauge from 'prom-client/lib/gauge.js';
import Registry from 'prom-client/lib/registry.js';

import { CallDurations } from './call-durations.ts';
import { durationBuckets, type MetricName, type MetricRow, metricTable } from './metric-table.ts';

export interface MetricsRegistry {
  readonly contentType: string;
  /** The exposition text. */
  text(): Promise<string>;
  counter(name: MetricName): Counter<string>;
  /** `collect` runs at each scrape, before the values are read. */
  gauge(name: MetricName, collect?: (gauge: Gauge<string>) => void): Gauge<string>;
  durations(name: MetricName): CallDurations;
  /** A counter that somebody else counts: `read` gives its totals at each scrape. */
  total(name: MetricName, read: (set: (labels: Record<string, string>, value: number) => void) => void): void;
}

export function createMetricsRegistry(): MetricsRegistry {
  const registry = new Registry();
  const common = (name: MetricName) => {
    const row: MetricRow = metricTable[name];
    return { name, help: row.help, labelNames: [...row.labels], registers: [registry] };
  };
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    counter: (name) => new Counter<string>(common(name)),
    gauge: (name, collect) =>
      new Gauge<string>(
        collect === undefined
          ? common(name)
          : {
              ...common(name),
              collect() {
                collect(this);
              },
            },
      ),
    total: (name, read) => {
      registry.registerMetric(
        new Counter<string>({
          ...common(name),
          registers: [],
          collect() {
            this.reset();
            read((labels, value) => this.inc(labels, value));
          },
        }),
      );
    },
    durations: (name) => {
      const durations = new CallDurations(name, metricTable[name].help, durationBuckets);
      // Whatever answers `get` is a metric to it; its types name only its own classes.
      registry.registerMetric(durations as unknown as Metric<string>);
      return durations;
    },
  };
}
