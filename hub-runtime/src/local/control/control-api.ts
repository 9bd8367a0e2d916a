/**
 * What a running hub tells and does for the commands of the same user. Plain data: it crosses a socket as JSON.
 *
 * Nothing here carries a secret value. The API is private to one version of the CLI; scripts use `--output json` of the commands.
 */
import type { CapabilityGraph } from '../../graph/index.ts';

export interface RuntimeInfo {
  readonly version: string;
  readonly pid: number;
  readonly url: string;
  readonly health: string | undefined;
  readonly startedAt: string;
  readonly paths: readonly string[];
  readonly stateDirectory: string;
  /** Rises with each configuration taken over. */
  readonly generation: number;
  /** What is wrong with the files now, one line each. Empty when all is well. */
  readonly problems: readonly string[];
}

export interface HubRow {
  readonly key: string;
  readonly url: string;
  readonly ready: string;
  readonly servers: { readonly total: number; readonly ready: number };
  readonly tools: number;
  readonly configHash: string;
  readonly insecure: boolean;
}

export interface ServerRow {
  readonly key: string;
  readonly phase: string;
  readonly reason: string;
  readonly message: string;
  readonly source: string;
  readonly era: string | undefined;
  readonly revision: string | undefined;
  /** What it is really reached over. */
  readonly transport?: string | undefined;
  /** Undefined while it was never listed. */
  readonly tools: number | undefined;
  readonly pid: number | undefined;
  readonly restarts: number;
  /** Wall clock, milliseconds. */
  readonly since: number;
  readonly hubs: readonly string[];
  readonly logFile: string;
}

export interface ToolRow {
  readonly name: string;
  readonly hub: string;
  readonly server: string;
  /** The tool as clients see it. */
  readonly definition: Readonly<Record<string, unknown>>;
}

export interface CallRequest {
  readonly tool: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  /** Hub key; the first hub when absent. */
  readonly hub?: string;
}

export type CallAnswer =
  | { readonly kind: 'result'; readonly result: Readonly<Record<string, unknown>> }
  | { readonly kind: 'error'; readonly code: number; readonly message: string; readonly data: unknown };

export type ObjectKind = 'McpHub' | 'McpServer';

export interface ReloadReport {
  readonly applied: boolean;
  readonly problems: readonly string[];
}

export interface ControlApi {
  info(): RuntimeInfo;
  hubs(): readonly HubRow[];
  servers(): readonly ServerRow[];
  tools(hub: string | undefined): readonly ToolRow[];
  /** Of one hub, or of all. */
  graphs(hub: string | undefined): readonly CapabilityGraph[];
  /** Whole objects with status: what `kubectl get -o yaml` would show. */
  objects(kind: ObjectKind): readonly Readonly<Record<string, unknown>>[];
  call(request: CallRequest): Promise<CallAnswer>;
  /** False when there is no such server. */
  restart(key: string): Promise<boolean>;
  reload(): Promise<ReloadReport>;
  /** Begins the orderly end; the answer comes before it is over. */
  stop(): void;
}
