/** Clients on a WebSocket. */
export { SocketClient } from './socket-client.ts';
