/** What is generated for the charts. */
export { alerts } from './alerts.ts';
export { chartFiles } from './chart-files.ts';
export { dashboards } from './dashboards.ts';
