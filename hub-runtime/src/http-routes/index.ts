/** What the listeners of this package have in common that is not MCP. */
export { noSchemas } from './no-schemas.ts';
