/** WebSocket toward servers, both eras. */
export { createSocketConnector } from './socket-connector.ts';
