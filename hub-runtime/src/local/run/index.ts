/** The process driver. */
export type { LocalEvent, NotReady } from './local-events.ts';
export { portHolder } from './port-holder.ts';
export { type HttpEndpoint, type LocalOptions, type LocalRuntime, runLocal, type StdioEndpoint } from './run-local.ts';
