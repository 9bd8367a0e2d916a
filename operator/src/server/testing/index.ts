/** For tests only. */
export { type Bench, createBench, npm, podLabels, ready, remote } from './bench.ts';
