/** The McpHub kind: its zod sources. Generators and type inference only. */
export { mcpHubKind } from './kind.ts';
export { mcpHubSpec } from './spec.ts';
export { mcpHubStatus } from './status.ts';
export type { McpHubSpec, McpHubStatus } from './types.ts';
