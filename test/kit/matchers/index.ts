/** Assertions: vitest matchers, polling, transcript comparison. */
export { kitMatchers } from './matchers.ts';
export type { KitMatchers } from './matchers.ts';
export { normalise } from './normalise.ts';
export type { NormaliseOptions } from './normalise.ts';
export { until } from './until.ts';
export type { UntilOptions } from './until.ts';
