/** The McpServer kind: its zod sources. Generators and type inference only. */
export { mcpServerKind } from './kind.ts';
export { mcpServerSpec } from './spec.ts';
export { mcpServerStatus } from './status.ts';
export type { McpServerSpec, McpServerStatus } from './types.ts';
