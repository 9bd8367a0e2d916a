/**
 * Clients that are bound to one connection of this replica: HTTP+SSE streams and WebSockets. Their life is that connection's: when this replica
 * ends, or their transport is switched off, they are let go as soon as nothing of theirs is in flight, and connect again elsewhere.
 */
export type ClientTransport = 'sse' | 'websocket';

export interface AttachedClient {
  readonly transport: ClientTransport;
  /** Calls without an answer. */
  readonly inFlight: number;
  /** Ends the connection in a way that says: connect again. Idempotent. */
  leave(): void;
}
