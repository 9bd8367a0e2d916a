/** From a ServerConfig to what is really started or called on this machine. */
export { createLocalTargetResolver, type LocalTargetDeps, type ObjectLookup } from './local-target-resolver.ts';
