/** A conversation that must look the same whichever driver runs the hub. */
import type { EraName, JsonObject } from '../kit/index.ts';
import type { Stage } from './stage.ts';
import type { HubName } from './world.ts';

export interface Scenario {
  readonly name: string;
  readonly hub: HubName;
  /** Client eras it is played in. Default both. */
  readonly eras?: readonly EraName[];
  /** With the requests of each client spread over all replicas. */
  readonly apart?: boolean;
  run(stage: Stage, driver: ParityDriver): Promise<void>;
}

/** One way of running the manifests. */
export interface ParityDriver extends AsyncDisposable {
  readonly name: 'process' | 'cluster';
  /** Adds or replaces objects. Resolves when the hubs run them. */
  apply(objects: readonly ManifestLike[]): Promise<void>;
  remove(objects: readonly ManifestLike[]): Promise<void>;
  /** URL of every replica. */
  urls(hub: HubName): Promise<readonly string[]>;
  /** `status` of a McpServer or McpHub as users see it. */
  status(kind: 'McpServer' | 'McpHub', name: string): Promise<JsonObject | undefined>;
}

export interface ManifestLike {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec?: JsonObject;
  readonly stringData?: Readonly<Record<string, string>>;
  readonly data?: Readonly<Record<string, string>>;
}
