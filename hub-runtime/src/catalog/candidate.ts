/**
 * One item on its way into the catalog, and the decision who gets a name.
 *
 * A name that more than one item claims is given to nobody: all contenders are left out and reported, so that no client ever calls
 * something other than it saw (HT-0.06, X-06).
 */
import { serverName } from '../base/index.ts';
import type { ServerConfig } from '@quaymaster/crds';

import type { DecisionReason, ListKind, Route, ServerListing } from '../exchange/index.ts';
import { decodeText, type RawJson } from '../wire/index.ts';
import type { HubIdentity } from './hub-behind.ts';
import { type KindLimit, kindLimits } from './limits.ts';
import type { ProblemList } from './problem-list.ts';

/** A server of the hub with what it offered last. */
export interface ListedServer {
  readonly config: ServerConfig;
  readonly listing: ServerListing;
  /** When it is a hub: its id, and who asks. */
  readonly hub?: { readonly id: string; readonly self: HubIdentity };
}

export interface Candidate {
  readonly server: Pick<ServerConfig, 'key' | 'prefix'>;
  /** Name or URI shown to clients, byte form. */
  readonly exposed: string;
  readonly route: Route;
  /** The item as clients of each era get it. */
  readonly modern: RawJson;
  readonly legacy: RawJson;
  /** Why it is offered under a name that the naming of the hub does not give. */
  readonly reason?: DecisionReason;
  /** Hubs behind this one on the way to it, the nearest first. */
  readonly through?: readonly string[];
}

/** Entries of one list, in order, and where each leads. */
export interface Entries {
  readonly items: readonly Candidate[];
  readonly routes: ReadonlyMap<string, Route>;
}

/** Kinds for people. */
const words: Readonly<Record<ListKind, string>> = {
  tools: 'tool',
  prompts: 'prompt',
  resources: 'resource',
  resourceTemplates: 'resource template',
};

export function settleNames(candidates: readonly Candidate[], kind: ListKind, problems: ProblemList): Entries {
  const byName = new Map<string, Candidate[]>();
  for (const candidate of candidates) {
    const same = byName.get(candidate.exposed);
    if (same === undefined) byName.set(candidate.exposed, [candidate]);
    else same.push(candidate);
  }
  const items: Candidate[] = [];
  for (const [name, contenders] of byName) {
    const [only] = contenders;
    if (only !== undefined && contenders.length === 1) items.push(only);
    else {
      reportCollision(name, contenders, words[kind], problems);
      leaveAll(contenders, kind, 'NameCollision', problems);
    }
  }
  return entriesOf(items, kind, problems);
}

/** Orders unique candidates and applies the hub's bound. */
export function entriesOf(candidates: readonly Candidate[], kind: ListKind, problems: ProblemList): Entries {
  const { perHub } = kindLimits[kind];
  const sorted = [...candidates].sort(inCatalogOrder);
  const items = sorted.slice(0, perHub);
  if (sorted.length > items.length) {
    const left = sorted.slice(perHub);
    problems.add('TooMany', [], '', `the hub offers ${perHub} ${words[kind]}s at most; ${left.length} are left out`);
    leaveAll(left, kind, 'TooMany', problems);
  }
  return { items, routes: new Map(items.map((item) => [item.exposed, item.route])) };
}

function leaveAll(
  candidates: readonly Candidate[],
  kind: ListKind,
  reason: DecisionReason,
  problems: ProblemList,
): void {
  for (const { server, route } of candidates)
    problems.leave({ kind, serverKey: server.key, original: route.original, reason });
}

function reportCollision(name: string, contenders: readonly Candidate[], what: string, problems: ProblemList): void {
  const keys = [...new Set(contenders.map((one) => one.server.key))].sort();
  const claims = contenders.map((one) => `${serverName(one.server.key)}/${decodeText(one.route.original)}`).sort();
  const shown = decodeText(name);
  problems.add(
    'NameCollision',
    keys,
    shown,
    `${claims.length} ${what}s would be called "${shown}": ${claims.slice(0, 8).join(', ')}`,
  );
}

/** By server prefix, then exposed name, both by code units: the same on every machine and in every arrival order. */
function inCatalogOrder(left: Candidate, right: Candidate): number {
  return compare(left.server.prefix, right.server.prefix) || compare(left.exposed, right.exposed);
}

export function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/** The first `limit` items of a server's list, with a problem for the rest. */
export function withinLimit(
  server: ServerConfig,
  items: readonly RawJson[],
  what: string,
  limit: KindLimit,
  problems: ProblemList,
): readonly RawJson[] {
  if (items.length <= limit.perServer) return items;
  problems.add(
    'TooMany',
    [server.key],
    '',
    `server "${serverName(server.key)}" lists ${items.length} ${what}s; the first ${limit.perServer} are offered`,
  );
  return items.slice(0, limit.perServer);
}
