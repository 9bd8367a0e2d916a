/** Manifests in, hub configurations and conditions out. */
export { canonicalJson, compareText, contentHash } from './canonical.ts';
export { compile } from './compile.ts';
export type { Compiled, CompileOptions, HubOutcome, RefusedObject, ServerOutcome } from './types.ts';
