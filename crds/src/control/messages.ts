/**
 * The control stream between hub Pods and the operator: WebSocket over TLS, one JSON object per text frame.
 *
 * The hub dials `wss://<control address>/v1/control` with `Authorization: Bearer <projected token>`. It speaks first (`hello`). Unknown types
 * and unknown members are ignored on both sides, so that neighbouring releases understand each other; `protocol` rises when that is not enough.
 * Everything sent is the complete state of its kind: a message lost with a broken stream is made good by the next one.
 */
import type { ServerObservation } from '../status/index.ts';
import type { HubDocument } from './hub-document.ts';

export const controlProtocol = 1;
export const controlPath = '/v1/control';
export const controlPort = 7_578;

/** Close codes of our own. */
export const controlClose = {
  /** This operator replica does not lead. The reason is `ip:port` of the one that does, or empty when unknown. */
  notLeader: 4_001,
  /** The token is missing, refused, or not that of a Pod of this hub. */
  unauthorized: 4_003,
  /** No such hub (any more). */
  unknownHub: 4_004,
  /** A message was malformed or out of order. (One that is too large ends the stream with 1009, as WebSocket has it.) */
  protocolError: 4_008,
  /** No common protocol. */
  unsupported: 4_009,
  /** Another stream of the same Pod took over. */
  replaced: 4_010,
  /** The operator ends; dial again. */
  goingAway: 1_001,
  /** Too many streams, or the token could not be checked now; dial again after a while. */
  tryAgainLater: 1_013,
} as const;

/** Largest frame from the operator. */
export const maxControlFrameBytes = 16 * 1_024 * 1_024;

/** Largest frame from a hub: a report of 2,000 servers with long messages is a third of it. */
export const maxHubFrameBytes = 4 * 1_024 * 1_024;

export type HubMessage = HelloMessage | AckMessage | ReportMessage;
export type OperatorMessage = ConfigMessage | CredentialsMessage | PeersMessage | EndpointsMessage;

/** First message of a hub. */
export interface HelloMessage {
  readonly type: 'hello';
  readonly protocol: number;
  /** `<namespace>/<name>` of the McpHub. */
  readonly hub: string;
  readonly pod: { readonly name: string; readonly uid: string; readonly ip: string };
  /** Release of the hub. */
  readonly version: string;
  /** What it runs already (from its config Secret, or from before a broken stream). */
  readonly running?: { readonly hash: string; readonly generation: number };
  readonly credentials?: string;
}

/** A document was taken over, or refused as a whole (the last good one serves on). */
export interface AckMessage {
  readonly type: 'ack';
  readonly hash: string;
  readonly generation: number;
  readonly ok: boolean;
  /** Why not. */
  readonly message?: string;
}

/** How the hub does. Sent soon after any state changes, and every 10 s for the counters. */
export interface ReportMessage {
  readonly type: 'report';
  readonly load: HubLoad;
  /** Hash of what clients see; and how many tools that is. */
  readonly catalogHash: string;
  readonly tools: number;
  /** What could not be offered. */
  readonly problems: readonly { readonly reason: string; readonly message: string }[];
  /** By server key. Always all servers of the running document. */
  readonly servers: Readonly<Record<string, ServerReport>>;
}

export interface HubLoad {
  readonly inFlight: number;
  readonly sessions: number;
  readonly streams: number;
  /** Event-loop utilization since the last report, 0..1. */
  readonly eventLoop: number;
}

export interface ServerReport {
  /** Without `pid`: that of another machine helps nobody. */
  readonly observed: ServerObservation;
  /** Calls in flight, and calls that wait for an endpoint (demand for a sleeping server). */
  readonly inFlight: number;
  readonly waiting: number;
  /** Of the server in the running document: tells whether what is observed is what is declared now. */
  readonly runtimeHash?: string;
}

export interface ConfigMessage {
  readonly type: 'config';
  readonly document: HubDocument;
}

/** Values by `credentialKey`, base64. Replaces all that came before. */
export interface CredentialsMessage {
  readonly type: 'credentials';
  /** Content hash of `values`, keyed so that it cannot be guessed from. */
  readonly hash: string;
  readonly values: Readonly<Record<string, string>>;
}

/** All replicas of the hub that have a stream or a running Pod, this one included. Sorted by name. */
export interface PeersMessage {
  readonly type: 'peers';
  readonly peers: readonly { readonly name: string; readonly uid: string; readonly ip: string }[];
}

/** By key of every in-cluster server of the hub. */
export interface EndpointsMessage {
  readonly type: 'endpoints';
  readonly servers: Readonly<Record<string, readonly ServerEndpoint[]>>;
}

export interface ServerEndpoint {
  /** `ip:port`, IPv6 in brackets. */
  readonly address: string;
  /**
   * `ready` takes new calls; `draining` (terminating, still serving) keeps what it has; `starting` (running, not ready) gets no calls, but can
   * be asked why it is not ready.
   */
  readonly state: 'ready' | 'draining' | 'starting';
}
