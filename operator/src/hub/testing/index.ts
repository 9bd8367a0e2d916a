/** For tests only. */
export { createHubBench, type HubBench } from './bench.ts';
