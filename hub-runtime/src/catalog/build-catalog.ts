/**
 * Builds the catalog of one hub from its configuration and what its servers listed last.
 *
 * Pure: the same configuration and listings give the same catalog, in whatever order they arrived (HT-0.06). It runs at every change of
 * configuration or listing and never on the path of a call; look-ups of the result are map accesses. Servers without a listing take no
 * part yet. Items keep the bytes their server gave them; the edits are in `item-edits.ts` and the candidates' files.
 */
import { createHash } from 'node:crypto';

import type { HubConfig, ServerConfig } from '@quaymaster/crds';

import type { CatalogDecision, CatalogSnapshot, ListKind, ServerListing } from '../exchange/index.ts';
import { metaKey, rawOf } from '../wire/index.ts';
import { type Candidate, compare, type Entries, type ListedServer, settleNames } from './candidate.ts';
import { hubCapabilities } from './capabilities.ts';
import { type HubIdentity, hubIdOf } from './hub-behind.ts';
import { mergeInstructions } from './instructions.ts';
import { type Freshness, ListPages } from './list-pages.ts';
import { ownResources } from './own-resources.ts';
import { ProblemList } from './problem-list.ts';
import { promptCandidates } from './prompt-candidates.ts';
import { indexResources } from './resource-index.ts';
import { toolCandidates } from './tool-candidates.ts';

export interface CatalogDeps {
  sealCursor(payload: unknown): string;
  /** Undefined for anything `sealCursor` did not make. */
  openCursor(token: string): unknown;
  /** Stamped on list results for modern clients as their serverInfo. */
  readonly hubInfo?: { readonly name: string; readonly version: string };
  /** How long a list stays good and who may keep it, at the moment. Absent: it is good for no time, and for one caller. */
  readonly freshness?: (kind: ListKind) => Freshness;
  /** Absent: it does not tell who it is, and finds no circles of hubs. */
  readonly identity?: HubIdentity;
}

/** `listings` by server key; entries of servers that the configuration does not name are ignored. */
export function buildCatalog(
  config: HubConfig,
  listings: ReadonlyMap<string, ServerListing>,
  deps: CatalogDeps,
): CatalogSnapshot {
  const problems = new ProblemList();
  const ordered = [...config.servers].sort((left, right) => compare(left.prefix, right.prefix));
  const listed: ListedServer[] = [];
  const unlisted = new Map<string, string>();
  for (const server of ordered) {
    const listing = listings.get(server.key);
    if (listing === undefined) unlisted.set(server.prefix, server.key);
    else listed.push(listedServer(server, listing, deps.identity));
  }

  const index = indexResources(listed, unlisted, ownResources(config), problems);
  const toolsOf = (server: ListedServer): Candidate[] => {
    const { key } = server.config;
    const exposeUri = index.isTransparent(key) ? undefined : (uri: string) => index.exposed(key, uri);
    return toolCandidates(server, config.naming, exposeUri, problems);
  };
  const entries: Readonly<Record<ListKind, Entries>> = {
    tools: settleNames(listed.flatMap(toolsOf), 'tools', problems),
    prompts: settleNames(
      listed.flatMap((server) => promptCandidates(server, config.naming, problems)),
      'prompts',
      problems,
    ),
    resources: index.resources,
    resourceTemplates: index.templates,
  };

  const modernMeta = deps.hubInfo === undefined ? undefined : rawOf({ [metaKey.serverInfo]: deps.hubInfo });
  const pagesOf = (kind: ListKind): ListPages =>
    new ListPages(entries[kind].items, {
      hub: `${config.namespace}/${config.name}`,
      kind,
      pageSize: config.limits.pageSize,
      modernMeta,
      sealCursor: (payload) => deps.sealCursor(payload),
      openCursor: (token) => deps.openCursor(token),
      freshness: () => deps.freshness?.(kind) ?? unknownFreshness,
    });
  const pages = perKind(pagesOf);
  const hashes = perKind((kind) => pages[kind].hash);
  const capabilities = hubCapabilities(listed, unlisted.size > 0, deps.identity?.id);
  const instructions = mergeInstructions(config.instructions, listed, config.servers.length === 1);
  const whole = createHash('sha256');
  for (const kind of listKinds) whole.update(`${hashes[kind]}\n`);
  whole.update(`${capabilities.modern}\n${capabilities.legacy}\n${instructions ?? ''}`, 'latin1');

  return {
    hash: whole.digest('hex').slice(0, 16),
    hashes,
    counts: perKind((kind) => pages[kind].count),
    tool: (name) => entries.tools.routes.get(name),
    prompt: (name) => entries.prompts.routes.get(name),
    resource: index.resource,
    template: index.template,
    exposedUri: index.exposed,
    urisAreTransparent: index.isTransparent,
    page: (kind, cursor, era) => pages[kind].page(cursor, era),
    capabilities: (era) => capabilities[era],
    instructions,
    problems: problems.finish(),
    hubs: new Map(listed.flatMap(({ config: { key }, hub }) => (hub === undefined ? [] : [[key, hub.id]]))),
    decisions: () => [...listKinds.flatMap((kind) => offered(kind, entries[kind])), ...problems.leftOut],
  };
}

const unknownFreshness: Freshness = { ttlMs: 0, isPublic: false };

function listedServer(config: ServerConfig, listing: ServerListing, self: HubIdentity | undefined): ListedServer {
  const id = self === undefined ? undefined : hubIdOf(listing);
  return id === undefined || self === undefined ? { config, listing } : { config, listing, hub: { id, self } };
}

/** What clients see of one kind. */
function offered(kind: ListKind, { items }: Entries): CatalogDecision[] {
  return items.flatMap(({ server, exposed, route, reason, through }) =>
    route.own !== undefined
      ? []
      : [
          {
            kind,
            serverKey: server.key,
            original: route.original,
            exposed,
            ...(reason === undefined ? {} : { reason }),
            ...(through === undefined ? {} : { through }),
          },
        ],
  );
}

export const listKinds: readonly ListKind[] = ['tools', 'prompts', 'resources', 'resourceTemplates'];

function perKind<T>(make: (kind: ListKind) => T): Readonly<Record<ListKind, T>> {
  return {
    tools: make('tools'),
    prompts: make('prompts'),
    resources: make('resources'),
    resourceTemplates: make('resourceTemplates'),
  };
}
