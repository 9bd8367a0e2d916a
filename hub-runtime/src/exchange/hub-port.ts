/** What the downstream edges need of a hub. Implemented by `config/`. */
import type { RawJson, ScannedObject } from '../wire/index.ts';
import type { Caller, ErrorOutcome, Exchange, Outcome } from './exchange.ts';
import type { HubGraph, ListKind } from './graph.ts';

export interface HubPort {
  /** The graph of this moment. An edge reads it once per request. */
  readonly graph: HubGraph;
  /** Routes one exchange. Never rejects; whatever goes wrong is an ErrorOutcome. */
  handle(exchange: Exchange): Promise<Outcome>;
  /** A client's notification beyond the specification's own, routed like a vendor method. Best effort, never throws. */
  notify?(method: string, params: ScannedObject | undefined, caller: Caller): void;
  /**
   * Tells `updated` whenever the resource, by this URI (byte form), or a part of it has changed. Never rejects; an error: nobody tells of it.
   */
  subscribeResource?(
    uri: string,
    caller: Caller,
    updated: (uri: string) => void,
  ): Promise<ResourceSubscription | ErrorOutcome>;
  /**
   * Tells `updated` whenever a task changes that this caller began, with the members of a `notifications/tasks`, until it is over. Never rejects; an
   * error: it is none of this caller's.
   */
  watchTask?(
    taskId: string,
    caller: Caller,
    updated: (task: RawJson) => void,
  ): Promise<ResourceSubscription | ErrorOutcome>;
  /** The roots of a legacy client are others now: servers that it has a conversation of its own with are told. */
  rootsChanged?(caller: Caller): void;
  /** A legacy client wants other logs now: servers that it has a conversation of its own with are told. */
  logLevelChanged?(caller: Caller, level: string): void;
  /** Lists changed, merged: at most one call per real change of what clients see. */
  onListsChanged(listener: (kinds: readonly ListKind[]) => void): () => void;
  /** Calls that wait for their client to come back with answers. */
  readonly parkedCalls?: number;
  /** A legacy session ended (DELETE, idle, limit): lanes kept for it are given back. */
  sessionEnded(sessionId: string): void;
}

export interface ResourceSubscription {
  /** Idempotent. */
  end(): void;
}
