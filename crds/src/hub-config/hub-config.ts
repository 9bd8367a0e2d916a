/**
 * HubConfig: what `compile()` makes of the manifests for one hub, and all that a hub runtime needs to know of them.
 *
 * Plain JSON, deterministic, free of secret values (only references and their names appear; values travel beside it).
 * The process driver hands it over in memory, the operator through a Secret and the control stream: the hub cannot tell.
 */

/** Protocol eras of MCP: `modern` = revision 2026-07-28 (stateless), `legacy` = 2025-11-25 and older (`initialize`). */
export type Era = 'modern' | 'legacy';

export interface HubConfig {
  /** Version of this document's shape. Neighbouring releases read each other's. */
  readonly version: 1;
  readonly namespace: string;
  readonly name: string;
  /** Content hash of everything else in this document (sha256, hex, first 16 characters). */
  readonly hash: string;
  /** Path of the MCP endpoint, `/mcp` by default. */
  readonly path: string;
  readonly eras: readonly Era[];
  /** What clients may speak beside Streamable HTTP. Absent: nothing. */
  readonly transports?: HubTransports;
  readonly naming: NamingConfig;
  readonly auth: { readonly mode: 'none' };
  /** The hub offers resources about itself. Absent: it does not. */
  readonly control?: { readonly ops: true };
  readonly instructions?: string;
  readonly limits: HubLimits;
  readonly timeouts: HubTimeouts;
  /** Absent: legacy sessions live in memory, and as copies at the other replicas. */
  readonly sessions?: SessionsConfig;
  /** Selected servers, sorted by key. */
  readonly servers: readonly ServerConfig[];
}

export interface SessionsConfig {
  readonly store: 'redis';
  /** `redis:` or `rediss:`, with a user at most. */
  readonly url: string;
  readonly password?: KeyRef;
  /** PEM of the authorities to trust. */
  readonly authority?: KeyRef;
  /** Before each key. */
  readonly prefix: string;
}

export interface HubTransports {
  /** HTTP+SSE of 2024-11-05: `GET <path>/sse`, `POST <path>/messages`. */
  readonly sse: boolean;
  /** An upgrade at `path`, subprotocol `mcp`. */
  readonly websocket: boolean;
}

export interface NamingConfig {
  /** `prefix`: `server_tool`; `none`: names as the servers give them, collisions are refused. */
  readonly strategy: 'prefix' | 'none';
  /** Between server and tool name: `_`, `-` or `.`. */
  readonly separator: string;
  /** Longest exposed name; longer ones are cut and get a stable hash. */
  readonly maxLength: number;
  /** Extra exact names for single tools: exposed name -> where it leads. They replace the derived name. */
  readonly aliases: Readonly<Record<string, { readonly server: string; readonly tool: string }>>;
}

export interface HubLimits {
  /** Largest request body, bytes. */
  readonly payloadBytes: number;
  /** JSON nesting depth. */
  readonly jsonDepth: number;
  /** JSON values (of all kinds) in one message. */
  readonly jsonNodes: number;
  /** Elements of one legacy (2025-03-26) batch. */
  readonly batch: number;
  /** Calls in flight on the whole hub. */
  readonly inFlight: number;
  /** Legacy sessions held at once. */
  readonly sessions: number;
  /** Open streams (legacy GET and modern listen) at once. */
  readonly streams: number;
  /** Bytes waiting for a slow reader of one stream before it is cut. */
  readonly streamBufferBytes: number;
  /** Entries on one page of a list. */
  readonly pageSize: number;
  /** Calls of legacy servers that wait for a modern client's answers. Absent in documents of older releases: 1,000. */
  readonly parkedCalls?: number;
  /** Sum of `maxTokens` in the sampling requests of one call. Absent in documents of older releases: 1,000,000. */
  readonly samplingTokens?: number;
  /** Bytes of the arguments of one tool call. Absent: `payloadBytes` alone bounds them. */
  readonly argumentBytes?: number;
  /** Headers of one request. Absent in documents of older releases: 100. */
  readonly headers?: number;
  /** Connections at once, beside those of open streams. Absent in documents of older releases: 2,000. */
  readonly connections?: number;
  /** Calls in flight of one client. Absent in documents of older releases: `inFlight`. */
  readonly inFlightPerClient?: number;
  /** Calls that wait for their turn. Absent in documents of older releases: none may. */
  readonly queue?: number;
  /** Bytes of the calls that wait for their turn. Absent in documents of older releases: 64 MiB. */
  readonly queueBytes?: number;
  /** Bytes a second below which a reader is slow. Absent in documents of older releases: 16 KiB. */
  readonly readBytesPerSecond?: number;
  /** Finished answers that nobody has taken yet, bytes. Absent in documents of older releases: 256 MiB. */
  readonly unreadBytes?: number;
}

export interface HubTimeouts {
  /** One call without progress, milliseconds. */
  readonly callMs: number;
  /** One call however much progress it reports, milliseconds. */
  readonly callMaxMs: number;
  /** A legacy session without any traffic or open stream, milliseconds. */
  readonly sessionIdleMs: number;
  /** Comment lines on silent event streams, milliseconds. */
  readonly keepAliveMs: number;
  /** A question to a client, and a call that waits for its answer, milliseconds. Absent in documents of older releases: ten minutes. */
  readonly questionMs?: number;
  /** A call that waits for its turn, milliseconds. Absent in documents of older releases: ten seconds. */
  readonly queueMs?: number;
  /** How long a reader may be slow, milliseconds. Absent in documents of older releases: 30 seconds. */
  readonly slowReaderMs?: number;
  /** Until the headers of a request are there, milliseconds. Absent in documents of older releases: ten seconds. */
  readonly headersMs?: number;
  /** Until the body of a request is there, milliseconds. Absent in documents of older releases: 30 seconds. */
  readonly bodyMs?: number;
}

export interface ServerConfig {
  readonly namespace: string;
  readonly name: string;
  /** `<namespace>/<name>`. */
  readonly key: string;
  /** What the naming strategy puts before tool names; unique inside a hub. Usually the name. */
  readonly prefix: string;
  /**
   * Hash of all that makes the running thing what it is (source, env, roots, transport, protocol, instances, lifecycle).
   * Equal hash after a config change = the same process and connections stay. Tool edits and timeouts are not part of it.
   */
  readonly runtimeHash: string;
  readonly source: ServerSource;
  /**
   * `compile` resolves `auto`: websocket for `ws://` and `wss://` URLs, streamableHttp for other remote sources and where `http` is set, stdio
   * otherwise. streamableHttp falls back to HTTP+SSE when the server answers in that way only; sse never tries anything else.
   */
  readonly transport: 'auto' | 'stdio' | 'streamableHttp' | 'sse' | 'websocket';
  readonly protocol: 'auto' | Era;
  /** Only for servers that listen themselves (`image`, `command` over HTTP). */
  readonly http?: { readonly port: number; readonly path: string };
  readonly env: readonly EnvEntry[];
  readonly roots: readonly RootConfig[];
  /** Request headers for `remote` sources. */
  readonly headers: readonly HeaderEntry[];
  readonly tools: ToolEdits;
  readonly health: { readonly intervalMs: number; readonly timeoutMs: number; readonly failureThreshold: number };
  readonly lifecycle: {
    readonly start: 'eager' | 'lazy' | 'onDemand';
    readonly drainTimeoutMs: number;
    readonly required: boolean;
    /** Only with `onDemand`: stopped after this long without calls. */
    readonly idleMs?: number;
  };
  readonly instances: { readonly mode: 'shared' | 'perClient' | 'perPrincipal'; readonly max: number };
  readonly timeouts: {
    readonly startMs: number;
    readonly callMs: number;
    readonly callMaxMs: number;
    readonly connectMs: number;
  };
  /** Absent in documents of older releases: calls are sent once, to whatever is there. */
  readonly resilience?: ResilienceConfig;
  /** Absent in documents of older releases: the defaults of McpServer. */
  readonly limits?: {
    /** Largest answer, bytes. */
    readonly responseBytes: number;
    /** Resident memory of all processes of one instance, bytes. */
    readonly memoryBytes?: number;
    /** Open files of each process. */
    readonly openFiles?: number;
  };
}

export interface ResilienceConfig {
  readonly retry: {
    /** The first one included. */
    readonly attempts: number;
    readonly backoff: 'exponential' | 'linear' | 'fixed';
    readonly delayMs: number;
    readonly maxDelayMs: number;
    readonly perTryMs?: number;
  };
  /** Absent: switched off. */
  readonly breaker?: BreakerConfig;
  readonly bulkhead: {
    readonly maxConcurrent?: number;
    readonly perTool?: number;
    readonly queue: number;
    readonly queueMs: number;
  };
}

export interface BreakerConfig {
  readonly windowMs: number;
  readonly minCalls: number;
  readonly failurePercent: number;
  readonly slowMs?: number;
  readonly slowPercent: number;
  readonly openMs: number;
  readonly maxOpenMs: number;
  readonly probes: number;
}

export type ServerSource =
  | {
      readonly kind: 'npm';
      readonly package: string;
      readonly version: string;
      readonly bin?: string;
      readonly args: readonly string[];
      readonly integrity?: string;
      readonly resolvedBefore?: string;
    }
  | {
      readonly kind: 'pypi';
      readonly package: string;
      readonly version: string;
      readonly bin?: string;
      readonly args: readonly string[];
      readonly with: readonly string[];
      readonly python?: string;
      readonly resolvedBefore?: string;
    }
  | {
      readonly kind: 'command';
      readonly command: string;
      readonly args: readonly string[];
      readonly cwd?: string;
      readonly image?: string;
    }
  | {
      readonly kind: 'image';
      readonly image: string;
      readonly command: readonly string[];
      readonly args: readonly string[];
    }
  | {
      readonly kind: 'remote';
      readonly url: string;
      /** Where its replicas are, `host:port`. Absent: where the URL leads. */
      readonly endpoints?: readonly string[];
    }
  | HubSource;

/** Another hub: at a URL, or one of the same manifests, whose address the driver knows. */
export type HubSource =
  | { readonly kind: 'hub'; readonly url: string }
  | { readonly kind: 'hub'; readonly name: string; readonly path: string };

export type EnvEntry =
  | { readonly name: string; readonly value: string }
  | { readonly name: string; readonly secretKeyRef: KeyRef }
  | { readonly name: string; readonly configMapKeyRef: KeyRef }
  /** All keys of one object (`envFrom`), each as `<prefix><key>`. */
  | {
      readonly from: {
        readonly kind: 'Secret' | 'ConfigMap';
        readonly name: string;
        readonly prefix: string;
        readonly optional: boolean;
      };
    };

export interface KeyRef {
  readonly name: string;
  readonly key: string;
  readonly optional: boolean;
}

export type HeaderEntry =
  | { readonly name: string; readonly value: string }
  | { readonly name: string; readonly secretKeyRef: KeyRef; readonly prefix?: string };

/** A directory handed to a server; `$(roots.<name>)` in args and env values becomes its path. */
export interface RootConfig {
  readonly name: string;
  readonly mountPath: string;
  readonly readOnly: boolean;
  readonly directory?: string;
  readonly claim?: string;
  readonly emptyDir?: boolean;
}

export interface ToolEdits {
  /** Glob patterns (`*`, `?`); empty = all. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** Original name -> new base name (the prefix still applies). */
  readonly rename: Readonly<Record<string, string>>;
  /** Original name -> description shown instead. */
  readonly describe: Readonly<Record<string, string>>;
  /** Original name -> annotations that replace the server's own. */
  readonly annotate?: Readonly<Record<string, ToolAnnotations>>;
  /** Arguments and structured results against the schemas of the tools. Absent: off. */
  readonly validate?: 'warn' | 'enforce';
}

export interface ToolAnnotations {
  readonly title?: string;
  readonly readOnlyHint?: boolean;
  readonly destructiveHint?: boolean;
  readonly idempotentHint?: boolean;
  readonly openWorldHint?: boolean;
}
