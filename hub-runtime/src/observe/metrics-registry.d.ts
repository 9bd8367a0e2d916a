/** A prom-client registry whose metrics can only come from the metric table, so names, help and labels exist in one place. */
import { Counter, Gauge, Histogram } from 'prom-client';
import { type MetricName } from './metric-table.ts';
export interface MetricsRegistry {
    readonly contentType: string;
    /** The exposition text. */
    text(): Promise<string>;
    counter(name: MetricName): Counter<string>;
    /** `collect` runs at each scrape, before the values are read. */
    gauge(name: MetricName, collect?: (gauge: Gauge<string>) => void): Gauge<string>;
    histogram(name: MetricName): Histogram<string>;
    /** A counter that somebody else counts: `read` gives its totals at each scrape. */
    total(name: MetricName, read: (set: (labels: Record<string, string>, value: number) => void) => void): void;
}
export declare function createMetricsRegistry(): MetricsRegistry;
