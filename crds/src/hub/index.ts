/** The McpHub kind: its zod sources. Generators and type inference only. */
export { mcpHubKind } from './kind.ts';
export type { McpHubSpec, McpHubStatus } from './types.ts';
