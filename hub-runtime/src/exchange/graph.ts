/** What a request sees of its hub: an immutable snapshot of configuration, catalog and lanes. */
import type { Era, HubConfig, ServerConfig, ServerTransport } from '@quaymaster/crds';

import type { MemberEdit, ParamHeader, RawJson, ScannedObject } from '../wire/index.ts';
import type { Caller, ErrorOutcome, LaneExchange, Outcome } from './exchange.ts';

export type ListKind = 'tools' | 'resources' | 'resourceTemplates' | 'prompts';

/** Immutable. A new configuration or catalog is a new graph; calls in flight keep theirs. */
export interface HubGraph {
  readonly config: HubConfig;
  /** Rises by one at each swap of this process. */
  readonly generation: number;
  readonly catalog: CatalogSnapshot;
  /** By server key (`namespace/name`). */
  upstream(key: string): Upstream | undefined;
  readonly upstreams: readonly Upstream[];
  /** It differs from this one only in what its clients see. */
  readonly base?: HubGraph;
}

/** What exists behind the hub. Built by `catalog/`, read by `router/` and the edges. */
export interface CatalogSnapshot {
  /** Changes exactly when something a client can see changes. */
  readonly hash: string;
  readonly hashes: Readonly<Record<ListKind, string>>;
  readonly counts: Readonly<Record<ListKind, number>>;
  /** Exposed names are in byte form. */
  tool(name: string): Route | undefined;
  prompt(name: string): Route | undefined;
  /** Where a URI leads: listed, qualified, matched by a template, or the only server that has resources. */
  resource(uri: string): Route | undefined;
  /** Where a resource template (completion refs) leads. */
  template(uriTemplate: string): Route | undefined;
  /** The URI under which `server` must hand out its own `uri` so that it comes back to it: itself when unambiguous. */
  exposedUri(serverKey: string, uri: string): string;
  /** True when no URI of this server ever needs rewriting: results then pass untouched. */
  urisAreTransparent(serverKey: string): boolean;
  /** A ready list result for the era, or undefined for a cursor the hub did not give out. */
  page(kind: ListKind, cursor: string | undefined, era: Era): RawJson | undefined;
  /** Capabilities object offered to clients of the era, raw. */
  capabilities(era: Era): RawJson;
  /** Merged instructions, raw JSON string, when any. */
  readonly instructions: RawJson | undefined;
  /** Servers (keys) that offer a method beyond the spec's own; used for vendor methods. */
  readonly problems: readonly CatalogProblem[];
  /** Servers (keys) that are hubs themselves, and who they are. */
  readonly hubs: ReadonlyMap<string, string>;
  /** What became of every item that the servers list, in the catalog's own order. Put together when asked for. */
  decisions(): readonly CatalogDecision[];
}

/** Why a listed item is not offered, or offered in another form than its server's. */
export type DecisionReason =
  /** `tools.exclude` or `tools.include` leaves it out. */
  | 'Excluded'
  | 'NotIncluded'
  /** Offered under an alias of the hub, or under the name of `tools.rename`. */
  | 'Alias'
  | 'Renamed'
  | CatalogProblem['reason'];

/** What the catalog decided about one item of one server (HT-0.02). Names and URIs in byte form. */
export interface CatalogDecision {
  readonly kind: ListKind;
  readonly serverKey: string;
  /** As the server calls it; empty when it has no readable name. */
  readonly original: string;
  /** As clients see it; absent: they do not. */
  readonly exposed?: string;
  readonly reason?: DecisionReason;
  /** Hubs between this one and the server that has it, the nearest first. */
  readonly through?: readonly string[];
}

export interface Route {
  readonly serverKey: string;
  /** Name or URI as the server knows it, byte form. */
  readonly original: string;
  /** Edits of `params` that put the original name or URI in place, made once; empty when nothing differs. */
  readonly edits?: readonly MemberEdit[];
  /** Arguments the tool mirrors as `Mcp-Param-*` headers; absent when none. */
  readonly paramHeaders?: readonly ParamHeader[];
  /** Calling it again after a failure does no harm: a tool that says so, or is said to (`tools.annotate`). */
  readonly repeatable?: true;
  /** The tool's outputSchema was wrapped for legacy clients, so its structuredContent is too. */
  readonly wrapsStructured?: boolean;
  /** Its legacy server runs it as a task only (`execution.taskSupport: "required"`). */
  readonly needsTask?: true;
  /** What arguments and structured results of the tool are checked against, where its server is configured so. */
  readonly checks?: ToolChecks;
  /** Nobody lists it; it leads to the only server that could have it. */
  readonly guessed?: true;
  /** The hub answers itself: what it tells of itself. `serverKey` is empty then. */
  readonly own?: 'graph';
}

export interface ToolChecks {
  readonly mode: 'warn' | 'enforce';
  /** As the server gave them. */
  readonly input: RawJson;
  readonly output: RawJson | undefined;
}

/** Something that could not be offered, with its reason: becomes a condition, never a silent winner. */
export interface CatalogProblem {
  readonly reason:
    | 'NameCollision'
    | 'UriCollision'
    | 'InvalidTool'
    | 'InvalidItem'
    | 'InvalidHeaderAnnotation'
    | 'HubLoop'
    | 'UnknownTool'
    | 'TooMany';
  readonly serverKeys: readonly string[];
  readonly name: string;
  readonly message: string;
}

export type UpstreamPhase = 'Pending' | 'Starting' | 'Ready' | 'Degraded' | 'Draining' | 'Stopped';

export interface UpstreamState {
  readonly phase: UpstreamPhase;
  /** CamelCase, from the reason table of @quaymaster/crds. */
  readonly reason: string;
  readonly message: string;
  /** Wall clock, milliseconds. */
  readonly since: number;
  readonly restarts: number;
  readonly pid: number | undefined;
  /** Circuit breakers that are not closed. Absent: all are. */
  readonly circuit?: { readonly state: 'closed' | 'open' | 'halfOpen'; readonly tools?: readonly string[] };
}

/** What a server offers, as last listed. Items are raw JSON objects exactly as the server gave them. */
export interface ServerListing {
  readonly era: Era;
  readonly revision: string;
  /** What it is reached over. */
  readonly transport?: ServerTransport;
  readonly serverInfo: RawJson | undefined;
  readonly instructions: RawJson | undefined;
  readonly capabilities: ScannedObject;
  readonly tools: readonly RawJson[];
  readonly resources: readonly RawJson[];
  readonly resourceTemplates: readonly RawJson[];
  readonly prompts: readonly RawJson[];
  /** What of its lists could not be taken (too many entries). */
  readonly problems?: readonly CatalogProblem[];
  /** How long each list stays good and who may keep it, where the server says so (2026-07-28). */
  readonly hints?: Partial<Readonly<Record<ListKind, ListHints>>>;
}

export interface ListHints {
  /** Monotonic milliseconds. */
  readonly freshUntil: number;
  /** The same for everybody. */
  readonly isPublic: boolean;
}

export type UpstreamEvent =
  | { readonly kind: 'state'; readonly state: UpstreamState }
  | { readonly kind: 'listing'; readonly listing: ServerListing };

/** One McpServer as the hub sees it, for its whole life. Survives config swaps while its runtimeHash stays. */
export interface Upstream {
  readonly key: string;
  readonly config: ServerConfig;
  readonly state: UpstreamState;
  /** Last good listing; kept while the server is failing or asleep. */
  readonly listing: ServerListing | undefined;
  /** Clients that declared something see other lists than `listing`, some of them. */
  readonly hasClassListings?: boolean;
  /** What clients with these capabilities see; undefined: `listing`. */
  listingFor?(capabilities: RawJson): ServerListing | undefined;
  /** Reads what this caller sees, when that is not known yet. Undefined: there is nothing to wait for. Never rejects. */
  learnFor?(caller: Caller): Promise<void> | undefined;
  readonly inFlight: number;
  /** Calls that wait until the server is there; part of `inFlight`. */
  readonly waiting?: number;
  subscribe(listener: (event: UpstreamEvent) => void): () => void;
  /** Idempotent. Lazy servers stay Pending until their first call or `wake`. */
  start(): void;
  /**
   * Starts a lazy server (or waits for a starting one) until it has been listed, failed, or the time is over. Never rejects.
   */
  wake(timeoutMs: number): Promise<void>;
  /** Asked before and told after every call. Absent: every call goes. */
  readonly guard?: Guard | undefined;
  /** The conversation that serves this caller (shared, per session or per principal, by `instances`). */
  lane(caller: Caller): Lane;
  /**
   * Tells `listener` whenever the server says that this resource (its own URI, byte form) or a part of it has changed, until it is taken off.
   * Resolves with an error when the server does not tell of it. Survives restarts of the server.
   */
  watchResource?(caller: Caller, uri: string, listener: (uri: string) => void): Promise<ErrorOutcome | undefined>;
  unwatchResource?(caller: Caller, uri: string, listener: (uri: string) => void): void;
  /** Takes over edits that do not need a new process (tools, timeouts, health). */
  reconfigure(config: ServerConfig): void;
  /** The roots of this client changed: its own conversation, when it has one, is told. */
  rootsChanged?(caller: Caller): void;
  /** This client wants other logs: the same. */
  logLevelChanged?(caller: Caller, level: string): void;
  /** A legacy session ended: what was kept for it alone is given back. */
  sessionEnded(sessionId: string): void;
  /** Stops and starts again, for `qm restart`. */
  restart(reason: string): Promise<void>;
  /** No new work; resolves when calls in flight have ended or the drain time is over, and everything is stopped. */
  stop(drainTimeoutMs: number): Promise<void>;
}

/** Decides whether a call may go to its server now, and learns from what became of it. See `resilience/`. */
export interface Guard {
  /** A pass, which has to be given back by `leave`; a refusal; or the promise of one of them. */
  enter(call: LaneCall): Pass | ErrorOutcome | Promise<Pass | ErrorOutcome>;
  leave(pass: Pass, outcome: Outcome): void;
  /** How long to wait before a call that may be repeated is sent again, milliseconds; undefined: it is not. `attempt`: attempts so far. */
  pauseBeforeRetry(outcome: ErrorOutcome, attempt: number): number | undefined;
  /** Longest single attempt of a call that may be repeated, milliseconds. */
  readonly perTryMs: number | undefined;
}

/** What it is made of is its guard's own. */
export interface Pass {
  readonly startedAt: number | undefined;
}

/** A conversation with one server. */
export interface Lane {
  /** Sends one call. Resolves with its only outcome; never rejects for anything that server or network do. */
  send(call: LaneCall): Promise<Outcome>;
  /** Passes a client's notification on, best effort: dropped when the server is not there. `params` without the reserved `_meta` keys. */
  notify?(method: string, params: RawJson): void;
}

/** An exchange on its way up: the edits are decided, the lane adds its era's envelope. */
export interface LaneCall {
  readonly exchange: LaneExchange;
  /** Member edits of `params` (original name, original URI). The lane itself replaces `_meta`. */
  readonly edits: readonly MemberEdit[];
  /** Original name or URI for the modern `Mcp-Name` header, byte form; undefined for methods without one. */
  readonly target: string | undefined;
  /** Toward another hub: the hubs that the request has passed, this one last. */
  readonly hops?: string;
  /** Arguments to mirror as `Mcp-Param-*` headers toward a modern HTTP server. */
  readonly paramHeaders?: readonly ParamHeader[];
  /** Given up then, whatever progress there is: monotonic milliseconds. Absent: only the server's own timeouts count. */
  readonly until?: number;
  /** Sending it again after a failure does no harm. */
  readonly repeatable?: true;
  /** The answer is judged before it goes on: it must be held, however large. */
  readonly whole?: true;
}
