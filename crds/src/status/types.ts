/** What drivers tell the status builders. All of it is observation; nothing here is decided twice. */
import type { HubOutcome, ServerOutcome } from '../compile/index.ts';
import type { Condition, ConditionDraft } from '../conditions/index.ts';

export type ServerPhase = 'Pending' | 'Starting' | 'Ready' | 'Degraded' | 'Draining' | 'Stopped';

/** As status names them; `stdio` also where a bridge stands before the child. */
export type ServerTransport = 'stdio' | 'streamable-http' | 'sse' | 'websocket';

/** What a driver sees of one running server. */
export interface ServerObservation {
  readonly phase: ServerPhase;
  /** A reason of the condition table; an unknown one is kept as it is. Absent: the phase itself. */
  readonly reason?: string;
  /** What happened, and after `; ` what to do about it. Without the second half the table's advice for the reason is added. */
  readonly message?: string;
  readonly serverInfo?: { readonly name: string; readonly version: string };
  readonly protocolVersion?: string;
  readonly era?: 'modern' | 'legacy';
  /** How it is really reached. */
  readonly transport?: ServerTransport;
  readonly counts?: {
    readonly tools: number | null;
    readonly resources: number | null;
    readonly resourceTemplates: number | null;
    readonly prompts: number | null;
  };
  readonly toolsHash?: string;
  readonly pid?: number;
  readonly restarts?: number;
  readonly lock?: { readonly hash: string };
  readonly lastError?: { readonly code: string; readonly message: string };
  readonly replicas?: number;
  readonly selector?: string;
  /** Circuit breakers that are not closed. Absent: all are. */
  readonly circuit?: { readonly state: 'closed' | 'open' | 'halfOpen'; readonly tools?: readonly string[] };
}

interface StatusInput {
  /** RFC 3339. */
  readonly now: string;
  /** Conditions of the last status, so that times stay while nothing changes. */
  readonly previous?: readonly Condition[];
}

export interface ServerStatusInput extends StatusInput {
  readonly outcome: ServerOutcome;
  /** Absent: nothing was started for it. */
  readonly observed?: ServerObservation;
  /** It is ready, but not (all of it) as declared last: a reason of the condition table, and what stands in the way. */
  readonly held?: { readonly reason: string; readonly message: string };
  /** What only the driver knows. Wins over what follows from the rest. */
  readonly also?: readonly ConditionDraft[];
}

export interface HubStatusInput extends StatusInput {
  readonly outcome: HubOutcome;
  readonly address?: string;
  /** Phases of the servers of its configuration, by key. A missing one counts as Pending. */
  readonly phases: ReadonlyMap<string, ServerPhase>;
  /** What could not be offered (collisions, malformed tools ...): becomes Degraded=True with the reason of the first. */
  readonly problems?: readonly { readonly reason: string; readonly message: string }[];
  /** Tools a client sees; absent while unknown. */
  readonly tools?: number;
  /** Which replicas run which configuration. */
  readonly replicas: readonly HubReplicaObservation[];
  /** Number beside the hash in `observedConfig`; metadata.generation when absent. */
  readonly configGeneration?: number;
  readonly selector?: string;
  /** What only the driver knows (a configuration that was refused, a route that cannot be made). Wins over what follows from the rest. */
  readonly observed?: readonly ConditionDraft[];
}

export interface HubReplicaObservation {
  readonly configHash: string;
  /** False: no call reaches it (it starts). Readiness does not wait for it while others serve; `Programmed` does. */
  readonly serving?: boolean;
}
