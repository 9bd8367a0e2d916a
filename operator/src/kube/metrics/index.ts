/** Names of all metrics of this layer and the sink that rooms report to. */
export {
  type MetricLabels,
  type MetricName,
  type MetricRow,
  type MetricSink,
  metricTable,
  noMetrics,
} from './metric-table.ts';
