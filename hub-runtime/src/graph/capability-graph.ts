/**
 * The capability graph of one hub: every item that its servers list, the one path on which clients reach it, or why they do not (HT-0.02).
 *
 * Put together from what the catalog decided and what the servers say of their state, when somebody asks; nothing is decided here a second
 * time. Text comes from servers: it is decoded and made harmless, and whoever sends it out masks it.
 */
import type { Era, ServerSource } from '@quaymaster/crds';

import type { CatalogDecision, DecisionReason, HubGraph, ListKind, Upstream } from '../exchange/index.ts';
import { decodeText } from '../wire/index.ts';

export type ItemKind = 'tool' | 'prompt' | 'resource' | 'resourceTemplate';

/**
 * `offered`: clients see it, under `offeredAs`. `hidden`: the manifests leave it out. `colliding`: several claim the name, so nobody gets it.
 * `refused`: clients could not use it, or a limit is reached.
 */
export type ItemState = 'offered' | 'hidden' | 'colliding' | 'refused';

export interface ItemNode {
  readonly kind: ItemKind;
  /** As the server calls it. */
  readonly name: string;
  readonly state: ItemState;
  readonly offeredAs?: string;
  readonly reason?: DecisionReason;
  /** Hubs between this one and the server that has it, the nearest first. */
  readonly through?: readonly string[];
}

export interface ServerNode {
  readonly server: string;
  readonly prefix: string;
  readonly source: ServerSource['kind'];
  /** What is offered stays offered while it is not: the last good list of the server. */
  readonly ready: boolean;
  readonly phase: string;
  readonly reason: string;
  readonly message: string;
  /** Absent: it was never listed, so nothing of it can be offered yet. */
  readonly era?: Era;
  readonly revision?: string;
  readonly items: readonly ItemNode[];
}

export interface CapabilityGraph {
  readonly hub: string;
  readonly generation: number;
  /** Changes when anything changes that clients see. */
  readonly catalog: string;
  readonly offered: Readonly<Record<ListKind, number>>;
  readonly servers: readonly ServerNode[];
  /** What could not be offered as it came, for people. */
  readonly problems: readonly { readonly reason: string; readonly message: string }[];
}

const itemKinds: Readonly<Record<ListKind, ItemKind>> = {
  tools: 'tool',
  prompts: 'prompt',
  resources: 'resource',
  resourceTemplates: 'resourceTemplate',
};

export function capabilityGraph({ config, generation, catalog, upstream }: HubGraph): CapabilityGraph {
  const byServer = Map.groupBy(catalog.decisions(), ({ serverKey }) => serverKey);
  return {
    hub: `${config.namespace}/${config.name}`,
    generation,
    catalog: catalog.hash,
    offered: catalog.counts,
    servers: config.servers.map(({ key, prefix, source }) =>
      serverNode(key, prefix, source.kind, upstream(key), (byServer.get(key) ?? []).map(itemNode)),
    ),
    problems: catalog.problems.map(({ reason, message }) => ({ reason, message: harmless(message) })),
  };
}

function serverNode(
  server: string,
  prefix: string,
  source: ServerSource['kind'],
  upstream: Upstream | undefined,
  items: readonly ItemNode[],
): ServerNode {
  const { state, listing } = upstream ?? {};
  const phase = state?.phase ?? 'Pending';
  return {
    server,
    prefix,
    source,
    ready: phase === 'Ready',
    phase,
    reason: state?.reason ?? 'Pending',
    message: harmless(state?.message ?? ''),
    ...(listing === undefined ? {} : { era: listing.era, revision: harmless(listing.revision) }),
    items,
  };
}

function itemNode({ kind, original, exposed, reason, through }: CatalogDecision): ItemNode {
  return {
    kind: itemKinds[kind],
    name: harmless(decodeText(original)),
    state: stateOf(exposed, reason),
    ...(exposed === undefined ? {} : { offeredAs: harmless(decodeText(exposed)) }),
    ...(reason === undefined ? {} : { reason }),
    ...(through === undefined ? {} : { through: through.map(harmless) }),
  };
}

function stateOf(exposed: string | undefined, reason: DecisionReason | undefined): ItemState {
  if (exposed !== undefined) return 'offered';
  switch (reason) {
    case 'Excluded':
    case 'NotIncluded':
      return 'hidden';
    case 'NameCollision':
    case 'UriCollision':
      return 'colliding';
    default:
      return 'refused';
  }
}

/** One line, nothing that moves a cursor. */
function harmless(text: string): string {
  return text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ');
}
