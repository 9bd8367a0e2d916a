/** Every metric the operator exposes, in one table: it is registered from here, and docs/reference/metrics.md is generated from it. */
import { controlMetricTable } from '../control/index.ts';
import { metricTable } from '../kube/index.ts';
import type { MetricRow } from './metrics.ts';
import { ownMetricTable } from './own-metrics.ts';

export const operatorMetricTable: Readonly<Record<string, MetricRow>> = {
  ...metricTable,
  ...controlMetricTable,
  ...ownMetricTable,
};
