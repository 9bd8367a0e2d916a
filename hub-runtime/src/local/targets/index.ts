/** From a ServerConfig to what is really started or called on this machine. */
export { createLocalTargetResolver, type LocalTargetDeps } from './local-target-resolver.ts';
export type { ObjectLookup } from './references.ts';
