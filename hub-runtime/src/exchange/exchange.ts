/**
 * The neutral form of a call: what lies between the edge that a client speaks to and the lane that leads to a server.
 *
 * Eras and transports are known only at the two edges. Design: docs/architecture.md, "An Exchange between two edges".
 */
import type { Era } from '@quaymaster/crds';

import type { RawJson, ScannedObject } from '../wire/index.ts';
import type { Cancellation } from './cancellation.ts';
import type { HubGraph } from './graph.ts';

/** Who calls. With `auth.mode: none` everybody is the one anonymous principal. */
export interface Principal {
  readonly kind: 'anonymous';
  /** Stable, printable, no secret: the key under which per-principal state is kept. */
  readonly id: string;
}

export const anonymous: Principal = { kind: 'anonymous', id: 'anonymous' };

/** A legacy session, as far as lanes and router need it. */
export interface SessionRef {
  /** Internal id (never the sealed one that the client holds). */
  readonly id: string;
  /** Sends a notification that belongs to the session but to no request: GET stream or stdio. Dropped when nobody listens. */
  notify(message: RawJson): void;
}

export interface Caller {
  readonly era: Era;
  /** Revision the client speaks, e.g. `2025-06-18`. */
  readonly revision: string;
  readonly principal: Principal;
  readonly session: SessionRef | undefined;
  /** Raw capabilities object the client declared (initialize, or the envelope of this request). */
  readonly capabilities: RawJson;
  /** Raw clientInfo, when given. Display data only. */
  readonly clientInfo: RawJson | undefined;
}

/** One client request on the wire. A modern retry is a new Leg of the same Exchange. */
export interface Leg {
  /** The client's id, raw, type preserved. Never sent upstream. */
  readonly id: RawJson;
  /** The client's progress token, raw, type preserved. Never sent upstream. */
  readonly progressToken: RawJson | undefined;
  /** Modern: minimum level of log notifications wanted with this request. Absent = none. */
  readonly logLevel: string | undefined;
  /** Cancelled when this request is cancelled, or its client is gone for good. */
  readonly cancellation: Cancellation;
  /** Sends a complete notification message to this request, nobody else's. Dropped after the answer. */
  notify(message: RawJson): void;
}

/** What a lane needs to know of a call. */
export interface LaneExchange {
  readonly method: string;
  readonly params: ScannedObject | undefined;
  readonly caller: Caller;
  leg: Leg;
  /** `Mcp-Param-*` headers that came with the request (lower-case names, values as received); unknown ones are forwarded. */
  readonly paramHeaders?: Readonly<Record<string, string>> | undefined;
}

/** The logical call, from its first arrival to its only answer. */
export interface Exchange extends LaneExchange {
  /** The graph this call began with; it ends on the same one. */
  readonly graph: HubGraph;
}

export type Outcome = ResultOutcome | ReadyOutcome | ErrorOutcome | InputRequiredOutcome;

/** A server's result, still in its own bytes. The downstream edge renders it for its client's era. */
export interface ResultOutcome {
  readonly kind: 'result';
  readonly result: ScannedObject;
  /** Era the server spoke. */
  readonly era: Era;
  /** The server's prefix: what is stamped as `_meta["dev.quaymaster/upstream"]`. */
  readonly server: string;
}

/** A result the hub made itself for this caller's era: sent as it is. */
export interface ReadyOutcome {
  readonly kind: 'ready';
  readonly result: RawJson;
}

export interface ErrorOutcome {
  readonly kind: 'error';
  /** `server`: relayed with code, message and data as they came. `hub`: from the error table. */
  readonly origin: 'hub' | 'server';
  readonly code: number;
  readonly message: string;
  readonly data: RawJson | undefined;
  /** Stable code when it is from the error table. */
  readonly errorCode?: string;
  /** Key of the server it came from or is about, for the record of the call. */
  readonly serverKey?: string;
  /** Status for a modern client when the answer has not begun to stream (1.2 of the protocol notes); legacy answers 200. */
  readonly httpStatus: number;
}

/** A modern server asks questions before it can answer (MRTR). Carried as one round; see docs/architecture.md. */
export interface InputRequiredOutcome {
  readonly kind: 'inputRequired';
  readonly result: ScannedObject;
  readonly server: string;
}
