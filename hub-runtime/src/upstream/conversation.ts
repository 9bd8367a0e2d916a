/**
 * A negotiated conversation with one server: a child process, a legacy HTTP session, or a modern HTTP endpoint.
 *
 * `upkeep.ts` owns the primary one, `client-lanes.ts` those of single clients: they open and replace them; connectors know how.
 * A conversation is a Lane: it mints upstream ids and progress tokens, adds its era's envelope, and maps what comes back.
 */
import type { Era, ServerTransport } from '@quaymaster/crds';

import type { Caller, ErrorOutcome, Lane, LaneCall, Outcome, ResultOutcome } from '../exchange/index.ts';
import { allCapabilities, emptyObject, type RawJson, relayedCapabilities, type ScannedObject } from '../wire/index.ts';

export interface Conversation extends Lane {
  readonly era: Era;
  /** What it goes over, as status shows it. */
  readonly transport?: ServerTransport | undefined;
  /** Revision in use, e.g. `2025-06-18`. */
  readonly revision: string;
  readonly serverInfo: RawJson | undefined;
  readonly instructions: RawJson | undefined;
  readonly capabilities: ScannedObject;
  /** Of the child, when there is one. */
  readonly pid: number | undefined;
  /** Something its user should know though it works: shown in its status. */
  readonly notice?: string | undefined;
  readonly inFlight: number;
  /** Rises with everything the server says. Absent: nobody counts. */
  readonly heard?: number | undefined;
  /** A request of the hub's own (listing, ping). `params` without `_meta`. */
  request(method: string, params: RawJson, timeoutMs: number): Promise<ResultOutcome | ErrorOutcome>;
  /** Lists have changed, or are read for the first time; what the server says of itself may have changed too. */
  refresh?(timeoutMs: number): Promise<void>;
  /** The server shall tell of changes of this resource (byte form). Resolves with an error when it will not. */
  watchResource?(uri: string): Promise<ErrorOutcome | undefined>;
  unwatchResource?(uri: string): void;
  /** Of a single session: what its client wants to be logged from now on. */
  setLogLevel?(level: string): void;
  /** Notifications that belong to no call in flight: list changes, logs of a session of its own. */
  onNotification(listener: NotificationListener): void;
  /**
   * Called once when the conversation is over by itself (exit, session lost, stream refused). Nothing more can be sent; calls in flight have
   * been answered, or (over HTTP) end one by one on their own connections: `inFlight` says whether any are left.
   */
  onClosed(listener: (end: ConversationEnd) => void): void;
  /** Ends it: calls in flight get QM_SERVER_GONE; children are ended with their whole group. Idempotent. */
  close(reason: string): Promise<void>;
}

export type NotificationListener = (method: string, params: ScannedObject | undefined, message: RawJson) => void;

export interface ConversationEnd {
  /** From the reason table: `Exited`, `SessionLost`, `ConnectionLost`, `ProtocolError`... */
  readonly reason: string;
  readonly message: string;
}

export interface ConnectRequest {
  /** Primary conversations listen for list changes; per-client ones only call. */
  readonly purpose: 'primary' | 'client';
  /** For whom, when it is per client. */
  readonly caller: Caller | undefined;
  /** Era verdict of an earlier conversation with the same server, tried first. */
  readonly verdict: Era | undefined;
  /**
   * Takes back a call that provably was not executed, or may be repeated: it is sent again once, on whatever conversation there is by then.
   * Undefined: it has been sent again before, the caller gets the error.
   */
  readonly resend?: ((call: LaneCall) => Promise<Outcome> | undefined) | undefined;
  /** The server asked its client something, beside roots that belong to no call. */
  readonly asked?: (() => void) | undefined;
  /** Called when a connection broke under a call: a reason to look after the server now rather than at the next check. */
  readonly suspect?: (() => void) | undefined;
  /** It was not there for a moment, and is again: another session, another stream. */
  readonly renewed?: (() => void) | undefined;
}

export interface Connector {
  /** Rejects with ConnectError (reason, message, retryable). Bounded by the server's `timeouts.start`. */
  connect(request: ConnectRequest, signal: AbortSignal): Promise<Conversation>;
  /** Asks a server known as legacy whether it speaks 2026-07-28 by now. Absent: an upgrade cannot happen under a live conversation. */
  upgraded?(signal: AbortSignal): Promise<boolean>;
}

export class ConnectError extends Error {
  readonly reason: string;
  readonly retryable: boolean;

  constructor(reason: string, message: string, retryable: boolean, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'ConnectError';
    this.reason = reason;
    this.retryable = retryable;
  }
}

/** Whoever wanted the conversation does not any more. */
export function givenUp(): ConnectError {
  return new ConnectError('StartFailed', 'given up', true);
}

/**
 * The capabilities a legacy server is told, once for the whole conversation: those of the client it belongs to, as far as the hub carries
 * them. A conversation that everybody shares is told everything: the one exception to gating per caller. One that only lists is told nothing.
 */
export function declaredTo({ purpose, caller }: ConnectRequest, isShared: boolean): RawJson {
  if (purpose === 'client') return caller === undefined ? emptyObject : relayedCapabilities(caller.capabilities);
  return isShared ? allCapabilities : emptyObject;
}
