/** The operator as a process. */
export { version } from './package-version.ts';
export { operatorMetricTable } from './operator-metrics.ts';
export { startOperator } from './start.ts';
