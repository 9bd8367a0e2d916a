/** Manifests in, hub configurations and conditions out. */
export { canonicalJson, compareText, contentHash } from './canonical.ts';
export { compile } from './compile.ts';
export { createCompileMemo } from './memo.ts';
export type { CompileMemo } from './memo.ts';
export type { Compiled, CompileOptions, HubOutcome, RefusedObject, ServerOutcome } from './types.ts';
