/** Lanes to servers: one Upstream per McpServer, whatever it runs on and whichever era it speaks. */
export { type Connector, type ConnectRequest, type Conversation, type ConversationEnd } from './conversation.ts';
export { createUpstream } from './create-upstream.ts';
export { createHttpPool, type HttpPool, type HttpPoolOptions, type HttpPoolStats } from './http/index.ts';
export type { UpstreamDeps } from './upstream-deps.ts';
