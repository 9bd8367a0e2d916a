/**
 * The neutral form of a call: what lies between the edge that a client speaks to and the lane that leads to a server.
 *
 * Eras and transports are known only at the two edges. Design: docs/architecture.md, "An Exchange between two edges".
 */
import type { Era } from '@quaymaster/crds';

import type { RawJson, ScannedObject } from '../wire/index.ts';
import type { Cancellation } from './cancellation.ts';
import type { HubGraph } from './graph.ts';
import type { PassingAnswer } from './passing.ts';

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
  /** Least severe log notifications it wants outside its requests; undefined: it has not said. */
  readonly logLevel?: string | undefined;
  /** Sends a notification that belongs to the session but to no request: GET stream or stdio. Dropped when nobody listens. */
  notify(message: RawJson): void;
  /** Asks the client something that belongs to none of its requests. */
  ask?(question: Question): Promise<Answer>;
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
  /** Stands for a client that has neither session nor a principal of its own: its connection. Only compared. */
  readonly connection?: object | undefined;
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
  /** Set by the lane once anything about the call has been sent to its client: from then on it is not sent again. */
  told?: boolean;
  /** It can give an answer on while it arrives. */
  readonly passes?: boolean;
  /** Sends a complete notification message to this request, nobody else's. Dropped after the answer. */
  notify(message: RawJson): void;
  /**
   * Asks the client while its request waits (legacy). Absent: it can only be asked by the answer to its request (modern). Whether the client
   * declared that it can be asked is for the caller to know.
   */
  ask?(question: Question): Promise<Answer>;
}

/** A question of a server to a client. */
export interface Question {
  readonly method: string;
  readonly params: RawJson;
  /** Cancelled when the answer is of no use any more: the client is told. */
  readonly cancellation: Cancellation;
}

/** `error`: the raw error object the client answered with, or one of the hub's own. */
export type Answer =
  | { readonly kind: 'result'; readonly result: RawJson }
  | { readonly kind: 'error'; readonly error: RawJson };

/** What a lane needs to know of a call. */
export interface LaneExchange {
  /** Bounds of the hub it came to, where there is one. */
  readonly graph?: HubGraph;
  readonly method: string;
  readonly params: ScannedObject | undefined;
  readonly caller: Caller;
  leg: Leg;
  /** `Mcp-Param-*` headers that came with the request (lower-case names, values as received); unknown ones are forwarded. */
  readonly paramHeaders?: Readonly<Record<string, string>> | undefined;
  /** Trace context that came in HTTP headers, as members of a `_meta`. */
  readonly trace?: string | undefined;
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
  /** A modern server goes on with it as a task: `resultType: "task"`. */
  readonly task?: true;
  /** Too large to be held: it is here instead, and `result` is empty. Only where the leg `passes`. */
  readonly passing?: PassingAnswer;
}

/** A result the hub made itself for this caller's era: sent as it is. */
export interface ReadyOutcome {
  readonly kind: 'ready';
  readonly result: RawJson;
  /** It tells of a failure (`isError`), with this code from the error table. */
  readonly errorCode?: string;
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
  /** When to come again, milliseconds from now. */
  readonly retryAfterMs?: number;
}

/** A server asks before it can answer, all questions of one round (MRTR). See docs/architecture.md. */
export interface InputRequiredOutcome {
  readonly kind: 'inputRequired';
  /** As a 2026-07-28 server writes it: `inputRequests`, `requestState`. */
  readonly result: ScannedObject;
  readonly server: string;
  /** Of a legacy server, whose call waits for the answers. Absent: nothing is held, the request is sent again with them. */
  readonly parked?: Parked;
}

/** A call that a legacy server has begun and that waits for answers. It ends with its outcome, or when it is given up. */
export interface Parked {
  /** Rounds so far. */
  readonly rounds: number;
  /** It has ended by itself: whoever comes back gets the outcome at once. */
  readonly isOver: boolean;
  /** Goes on with these answers (by key) for a new request of the same client. Questions without an answer are asked again. */
  resume(leg: Leg, answers: ReadonlyMap<string, RawJson>): Promise<Outcome>;
  /** Nobody comes back: the server is told. */
  giveUp(reason: string): void;
  /** Runs once when the call has ended, at once when it has already. */
  onEnd(listener: () => void): void;
}
