/** Bounds of a catalog. What lies beyond is left out and reported (`TooMany`), never silently (listing bombs of hostile servers). */
import type { ListKind } from '../exchange/index.ts';

export interface KindLimit {
  readonly perServer: number;
  readonly perHub: number;
}

export const kindLimits: Readonly<Record<ListKind, KindLimit>> = {
  tools: { perServer: 1_000, perHub: 10_000 },
  prompts: { perServer: 1_000, perHub: 10_000 },
  resources: { perServer: 10_000, perHub: 50_000 },
  resourceTemplates: { perServer: 1_000, perHub: 10_000 },
};

/** Longest name or URI of one item, bytes. */
export const maxKeyBytes = 4_096;
/** Values in one item; nested deeper or larger ones are no items a client could take. */
export const itemScanLimits = { depth: 64, nodes: 50_000 } as const;
/** Problems reported of one catalog; the count of the rest is the last one's message. */
export const maxProblems = 200;
/** Hubs behind each other on the way to a server. */
export const mostHubs = 8;
/** Items left out that a catalog can name. */
export const maxLeftOut = 10_000;
/** Steps one look-up may spend on matching URI templates of servers. */
export const templateMatchBudget = 1_000_000;
