/** Logs and metrics of the hub. Everything that leaves through here is masked and bounded. */
export type { ProcessLogger } from '../base/index.ts';
export { createObserver, type ObserverOptions } from './create-observer.ts';
export { durationBuckets, type MetricRow, metricTable } from './metric-table.ts';
export { createMetricsRegistry, type MetricsRegistry } from './metrics-registry.ts';
export {
  type CallOutcome,
  type CallRecord,
  type CounterName,
  type GaugeName,
  type Observer,
  silentObserver,
} from './observer.ts';
