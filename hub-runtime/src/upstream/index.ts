/** Lanes to servers: one Upstream per McpServer, whatever it runs on and whichever era it speaks; and the parts of one, for the bridge. */
export { ClientLanes, plainKeyOf } from './client-lanes.ts';
export { type Connector, type ConnectRequest, type Conversation, type ConversationEnd } from './conversation.ts';
export { createUpstream } from './create-upstream.ts';
export { HealthCheck } from './health-check.ts';
export {
  answersHeader,
  callerHeader,
  createHttpPool,
  type HttpPool,
  type HttpPoolOptions,
  type HttpPoolStats,
  notExecutedHeader,
} from './http/index.ts';
export { InteractiveLanes } from './interactive-lanes.ts';
export { graceMs, type Machine, type MachineEvent, newMachine, transition } from './machine.ts';
export { type ResourceListener, ResourceWatches } from './resource-watches.ts';
export { RetryTimer } from './retry-timer.ts';
export { Settling } from './settling.ts';
export { startFailure } from './starter.ts';
export { createStdioConnector, type StdioTarget } from './stdio/index.ts';
export type { UpstreamDeps } from './upstream-deps.ts';
export { WaitingCalls } from './waiting-calls.ts';
