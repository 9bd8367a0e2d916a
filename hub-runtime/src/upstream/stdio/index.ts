/** Conversations over a child's stdin and stdout, in both eras, and over whatever else carries messages both ways. */
export { type HandshakeOrder, shakeHands } from './handshake.ts';
export type { MessagePipe, PipeEnd } from './message-pipe.ts';
export { PipeInbox } from './pipe-inbox.ts';
export { StdioChannel } from './stdio-channel.ts';
export { createStdioConnector, type StdioConnectorDeps, type StdioTarget } from './stdio-connector.ts';
export { type RemoteOptions, StdioConversation } from './stdio-conversation.ts';
