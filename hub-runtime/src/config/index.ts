/** Configurations in, immutable graphs out; the upstreams behind them and their replacement. */
export { HubHost } from './hub-host.ts';
export type { HubHostDeps, HubHostEvent } from './hub-host-deps.ts';
