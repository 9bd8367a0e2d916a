/** The controller of McpServers: their Pods and what stands around them, their tokens, their status. */
export { createServerController } from './controller.ts';
export { podFacts } from './pod-facts.ts';
export type { HubReports, ServerControllerDeps } from './types.ts';
