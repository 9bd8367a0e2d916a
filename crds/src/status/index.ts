/** Status objects from observed facts. */
export { hubStatus } from './hub-status.ts';
export { serverStatus } from './server-status.ts';
export type { HubStatusInput, ServerObservation, ServerPhase, ServerStatusInput, ServerTransport } from './types.ts';
