/** The hub's end of the control stream. */
export { ControlClient, type ControlClientDeps } from './control-client.ts';
export type { StreamAccess } from './control-stream.ts';
