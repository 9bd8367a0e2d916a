/**
 * What rooms tell about their work: one record per finished call, state changes, counted events, and gauges that are read when scraped.
 *
 * Runs on the path of every call, so `callFinished` must stay below 2 microseconds and must never throw. It decides nothing;
 * without an observer (tests, embedding) `silentObserver` stands in.
 */
import type { Era } from '@quaymaster/crds';

import type { UpstreamPhase } from '../exchange/index.ts';

export interface CallRecord {
  /** Hub key, `namespace/name`. */
  readonly hub: string;
  /** Server key, when the call reached one. */
  readonly server: string | undefined;
  readonly method: string;
  /** Exposed tool, prompt name or resource URI, byte form. Client input: capped and masked before it is kept anywhere. */
  readonly target: string | undefined;
  readonly era: Era;
  readonly upstreamEra: Era | undefined;
  readonly outcome: CallOutcome;
  /** JSON-RPC code of an error answer. */
  readonly code: number | undefined;
  /** `QM_...`, when the error is the hub's own. */
  readonly errorCode: string | undefined;
  readonly durationMs: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Internal session id, never the sealed one that the client holds. */
  readonly sessionId?: string | undefined;
  /** Trace id, or the hub's own: one request, one id in log, audit and trace. */
  readonly requestId: string;
  /** The client's JSON-RPC id, raw. Not unique: other clients use the same. */
  readonly rpcId: string;
}

export type CallOutcome = 'ok' | 'tool_error' | 'error' | 'cancelled';

/** Values read at scrape time. `label` is the hub key (or the server key), or empty for the process. */
export type GaugeName =
  | 'callsInFlight'
  | 'sessions'
  | 'streams'
  | 'liveGraphs'
  | 'waitingCalls'
  | 'parkedCalls'
  /** Of a server: 0 closed, 1 half open, 2 open. */
  | 'circuitState'
  /** Of a server: tools whose circuit is not closed. */
  | 'circuitToolsOpen'
  /** To HTTP servers, all together. */
  | 'connectionsOpen'
  | 'connectionsIdle'
  | 'connectionsAwaited'
  /** Of a server: calls that wait for room. */
  | 'bulkheadQueued'
  | 'queuedCalls'
  | 'queuedBytes'
  | 'activeClients'
  | 'unreadAnswers'
  | 'unreadBytes'
  | 'passingAnswers'
  /** Of a server: its processes. */
  | 'children'
  | 'tombstones'
  /** Of a hub: its store of sessions answers. */
  | 'sessionStoreUp'
  | 'controlConnected'
  | 'configGeneration';

/** Things that are only counted. `label` must come from a closed set: a server or hub key, a limit's field name, an error code. */
export type CounterName =
  /** An answer arrived for a call that had ended. Label: server. */
  | 'lateAnswers'
  /** A notification nobody could receive (slow or gone reader). Label: hub. */
  | 'droppedNotifications'
  /** A request refused because of a limit. Label: the limit's field name. */
  | 'limitRejections'
  /** A request refused at the edge before it became a call. Label: `QM_` code. */
  | 'refusedRequests'
  /** A line on a child's stdout that is no JSON-RPC. Label: server. */
  | 'noiseLines'
  /** A call was sent again after a failure. Label: server. */
  | 'retries'
  /** A circuit breaker opened, the server's or that of a tool. Label: server. */
  | 'circuitOpened'
  /** A call refused since a circuit is open. Label: server. */
  | 'circuitRefusals'
  /** A configuration swap. Label: hub. */
  | 'configSwaps'
  /** A list change announced to clients. Label: hub. */
  | 'listChanges'
  /** Arguments or a structured result that do not fit the schemas of their tool, or could not be checked. Label: server. */
  | 'schemaMisfits'
  /** A request sent on to the replica that has its session. Label: hub. */
  | 'peerForwards'
  /** A session of another replica that goes on here. Label: hub. */
  | 'sessionsAdopted'
  /** A request on the peer listener that was not accepted. Label: why. */
  | 'peerRefusals'
  /** Something about a session that could not be kept or told (tombstone, mirror, note). Label: what. */
  | 'peerDrops'
  /** Bodies of sessions written to the store. Label: hub. */
  | 'sessionStoreWrites'
  /** Bodies read from it, to go on with their sessions. Label: hub. */
  | 'sessionStoreReads'
  /** Attempts to write that failed; tried again. Label: hub. */
  | 'sessionStoreFailures'
  /** Bodies that were too large, or too many, to be kept. Label: hub. */
  | 'sessionStoreDrops';

export interface Observer {
  callFinished(record: CallRecord): void;
  /** Called at each change; `restarts` is the total so far. */
  upstreamState(server: string, phase: UpstreamPhase, restarts: number): void;
  /** The server left the configuration: its series go. */
  upstreamGone(server: string): void;
  count(name: CounterName, label: string, by?: number): void;
  /** Registers a reader; several readers of the same name and label are summed. The returned function takes it off. */
  gauge(name: GaugeName, label: string, read: () => number): () => void;
  /** Registers one reader of all labels there are at the moment. */
  gauges(name: GaugeName, read: () => ReadonlyMap<string, number>): () => void;
}

export const silentObserver: Observer = {
  callFinished: () => {},
  upstreamState: () => {},
  upstreamGone: () => {},
  count: () => {},
  gauge: () => () => {},
  gauges: () => () => {},
};
