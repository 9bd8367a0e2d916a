/** Configurations in, immutable graphs out; the upstreams behind them and their replacement. */
export { HubHost } from './hub-host.ts';
