/** Generation of CRDs, JSON Schema, run-time schemas and reference pages. */
export { generateAll } from './generate-all.ts';
