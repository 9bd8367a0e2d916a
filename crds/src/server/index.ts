/** The McpServer kind: its zod sources. Generators and type inference only. */
export { mcpServerKind } from './kind.ts';
export type { McpServerSpec, McpServerStatus } from './types.ts';
