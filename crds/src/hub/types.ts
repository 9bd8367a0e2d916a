/** Types of McpHub, inferred from its schema. `McpHubSpec` is a spec after defaults. */
import type { z } from 'zod';
import type { mcpHubSpec } from './spec.ts';
import type { mcpHubStatus } from './status.ts';

export type McpHubSpec = z.output<typeof mcpHubSpec>;
export type McpHubStatus = z.output<typeof mcpHubStatus>;
