/** Stand-ins for the tests of this room: settings, calls, a tiny HTTP server, connectors without a wire. */
export { FakeConnector, FakeConversation, gone } from './fake-connector.ts';
export { eventually, makeCall, resultOf, type SentCall, serverConfig, upstreamDeps } from './settings.ts';
export { startTinyServer, type TinyReply, type TinyRequest, type TinyServer } from './tiny-server.ts';
