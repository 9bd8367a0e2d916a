/** Stand-ins for the tests of this room: settings, calls, a tiny HTTP server, connectors without a wire. */
export { FakeConnector, FakeConversation, gone } from './fake-connector.ts';
export { draining, FakeFeed, starting } from './fake-feed.ts';
export {
  call,
  closeWorld,
  complete,
  connector,
  connectorTo,
  connectTo,
  discovery,
  initialized,
  legacy,
  legacyRefusal,
  methods,
  modern,
  open,
  openTo,
  progress,
  refusal,
  serve,
  type Answer,
  type Options,
} from './http-world.ts';
export { eventually, makeCall, resultOf, type SentCall, serverConfig, upstreamDeps } from './settings.ts';
export type { TinyReply, TinyRequest } from './tiny-server.ts';
export { httpTarget, serverUp, serverWorld, stdioTarget } from './server-world.ts';
export { type SseMessage, type SseScript, type SseServer, startSseServer } from './sse-server.ts';
