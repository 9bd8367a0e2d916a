/** A server after its own checks, before hubs are looked at. */
import type { ConditionDraft } from '../conditions/index.ts';
import type { ServerConfig } from '../hub-config/index.ts';
import type { McpServerSpec } from '../server/index.ts';
import type { Group } from './gather.ts';

export interface Candidate {
  readonly group: Group;
  /** Only when it may run. */
  readonly runnable?: { readonly spec: McpServerSpec; readonly config: ServerConfig };
  readonly conditions: readonly ConditionDraft[];
}
