/** What the host of hubs is given, and what it tells. */
import type { ServerConfig } from '@quaymaster/crds';

import type { Clock, Logger } from '../base/index.ts';
import type { HubIdentity } from '../catalog/index.ts';
import type { CatalogSnapshot, Upstream, UpstreamState } from '../exchange/index.ts';
import type { Observer } from '../observe/index.ts';
import type { SchemaChecker } from '../schemas/index.ts';

export interface HubHostDeps {
  /** Makes an upstream without starting it. */
  createUpstream(config: ServerConfig): Upstream;
  /** Seals list cursors and request states. */
  readonly sealer: {
    seal(purpose: string, payload: unknown, ttlMs?: number): string;
    open(purpose: string, token: string, mostChars?: number): unknown;
  };
  /** Names this replica in request states; `alone` when absent. */
  readonly replica?: string;
  /** Ids of parked calls: unguessable. Random UUIDs when absent. */
  readonly newId?: () => string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly observer: Observer;
  /** Stamped on list results for modern clients. */
  readonly hubInfo?: { readonly name: string; readonly version: string };
  /** Tells the runs of a process apart in request ids; `hub` when absent. */
  readonly run?: string;
  /** Who a hub (by key) is among hubs. Absent: circles of hubs are not found. */
  readonly identity?: (hub: string) => HubIdentity;
  /** Checks arguments and results where a server is configured so. Absent: such calls are refused or, with `warn`, pass. */
  readonly schemas?: SchemaChecker;
  /** Longest wait of the first list for servers that are starting; 3 s. */
  readonly firstListWaitMs?: number;
}

export type HubHostEvent =
  /** A server of some hub changed its phase or reason. */
  | { readonly kind: 'server'; readonly key: string; readonly state: UpstreamState }
  /** A server left the configuration. */
  | { readonly kind: 'serverGone'; readonly key: string }
  /** A hub has a new graph: another configuration, or another catalog. */
  | { readonly kind: 'graph'; readonly hub: string; readonly generation: number; readonly catalog: CatalogSnapshot }
  | { readonly kind: 'hubGone'; readonly hub: string };
