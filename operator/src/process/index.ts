/** The operator as a process. */
export { version } from './package-version.ts';
export { ownMetricTable } from './own-metrics.ts';
export { startOperator } from './start.ts';
