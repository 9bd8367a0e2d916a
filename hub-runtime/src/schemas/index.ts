/** Checks values against JSON Schemas that servers gave, off the event loop and within bounds. */
export { type CheckVerdict, createSchemaChecker, type SchemaChecker } from './schema-checker.ts';
export { schemaLimits } from './limits.ts';
