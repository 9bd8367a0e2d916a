/** What both drivers (this machine, a replica in a cluster) put together in the same way. */
export { declaredEndpoints } from './declared-endpoints.ts';
export { headersOf } from './headers-of.ts';
export { createHubDirectory, hubPath, type MutableHubDirectory } from './hub-directory.ts';
export { createHubParts, type HubParts } from './hub-parts.ts';
export { createServerObserver, type ServerObserver } from './server-observer.ts';
export { Shutdown } from './shutdown.ts';
export { withValueDigests } from './value-digests.ts';
