/** CEL for CRD rules. Heavy (about 300 kB of evaluator): load it with `import()` where start-up time counts. */
export { createCel, RuleError } from './cel.ts';
export type { Cel, CompiledRule } from './cel.ts';
export { toCel } from './to-cel.ts';
