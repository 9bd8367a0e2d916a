/**
 * Binds a table of metrics to prom-client: each row becomes one metric, and what a room reports lands in it. A room that reports a name or
 * label that is not in the table has a fault; it is told by an exception in tests and never reaches a scrape.
 *
 * The modules of prom-client that are used, and not its index, which brings clusters and a push gateway along: 6 MiB of memory.
 */
import Counter from 'prom-client/lib/counter.js';
import Gauge from 'prom-client/lib/gauge.js';
import Histogram from 'prom-client/lib/histogram.js';
import Registry from 'prom-client/lib/registry.js';

export interface MetricRow {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  readonly buckets?: readonly number[];
}

/** The sink of every room: the same three verbs, narrowed to its own names by its own type. */
export interface MetricSink {
  count(name: string, labels: Readonly<Record<string, string>>, by?: number): void;
  gauge(name: string, labels: Readonly<Record<string, string>>, value: number): void;
  observe(name: string, labels: Readonly<Record<string, string>>, value: number): void;
}

export interface Metrics extends MetricSink {
  readonly contentType: string;
  /** `beforeRead` of all givers run first. */
  text(): Promise<string>;
  /** Sets what only has a value at the moment of reading. */
  beforeRead(task: () => void): void;
}

export function createMetrics(table: Readonly<Record<string, MetricRow>>): Metrics {
  const registry = new Registry();
  const counters = new Map<string, Counter>();
  const gauges = new Map<string, Gauge>();
  const histograms = new Map<string, Histogram>();
  const tasks: (() => void)[] = [];
  for (const [name, row] of Object.entries(table)) {
    const common = { name, help: row.help, labelNames: [...row.labels], registers: [registry] };
    if (row.type === 'counter') counters.set(name, new Counter(common));
    else if (row.type === 'gauge') gauges.set(name, new Gauge(common));
    else histograms.set(name, new Histogram({ ...common, ...(row.buckets ? { buckets: [...row.buckets] } : {}) }));
  }
  return {
    contentType: registry.contentType,
    count: (name, labels, by = 1) => known(counters, name).inc(labels, by),
    gauge: (name, labels, value) => known(gauges, name).set(labels, value),
    observe: (name, labels, value) => known(histograms, name).observe(labels, value),
    beforeRead(task) {
      tasks.push(task);
    },
    text() {
      for (const task of tasks) task();
      return registry.metrics();
    },
  };
}

function known<T>(metrics: ReadonlyMap<string, T>, name: string): T {
  const metric = metrics.get(name);
  if (metric === undefined) throw new TypeError(`no metric "${name}" of this type`);
  return metric;
}
