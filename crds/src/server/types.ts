/** Types of McpServer, inferred from its schema. `McpServerSpec` is a spec after defaults. */
import type { z } from 'zod';
import type { mcpServerSpec } from './spec.ts';
import type { mcpServerStatus } from './status.ts';

export type McpServerSpec = z.output<typeof mcpServerSpec>;
export type McpServerStatus = z.output<typeof mcpServerStatus>;
