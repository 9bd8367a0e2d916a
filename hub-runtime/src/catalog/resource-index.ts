/**
 * Where a resource URI leads, and under which URI each resource is offered (EF-25, HT-0.07).
 *
 * A URI leads, in this order:
 *  1. qualified with the prefix of a server of this hub: to that server. First, so that no server can capture another's URIs by listing them;
 *     then what the hub has itself;
 *  2. listed by exactly one server: there. Listed by several: nowhere, they are offered in qualified form only;
 *  3. matching templates of exactly one server: there; of several: nowhere;
 *  4. nothing known of it, and only one server has resources at all: there.
 * Everything a server hands out goes through `exposed`, which is the inverse: what comes back leads to that server's own URI again.
 */
import { serverName } from '../base/index.ts';
import type { Route } from '../exchange/index.ts';
import { decodeText, editObject, type MemberEdit, memberRaw, type RawJson } from '../wire/index.ts';
import { type Candidate, type Entries, entriesOf, type ListedServer, withinLimit } from './candidate.ts';
import { reportLoop, type Way, wayOf } from './hub-behind.ts';
import { itemMeta, literal, readItem, type ScannedItem } from './item-edits.ts';
import { kindLimits, templateMatchBudget } from './limits.ts';
import type { ProblemList } from './problem-list.ts';
import { parseQualifiedUri, qualifiedUri } from './qualified-uri.ts';
import { type MatchBudget, parseUriTemplate, type UriTemplate, uriTemplateMatches } from './uri-template.ts';

export interface ResourceIndex {
  readonly resources: Entries;
  readonly templates: Entries;
  resource(uri: string): Route | undefined;
  template(uriTemplate: string): Route | undefined;
  exposed(serverKey: string, uri: string): string;
  isTransparent(serverKey: string): boolean;
}

interface Found {
  readonly server: ListedServer;
  readonly item: ScannedItem;
  readonly way: Way | undefined;
}

interface OwnedTemplate {
  readonly serverKey: string;
  readonly template: UriTemplate;
}

/** `unlisted`: prefixes of servers that have not been listed yet; their qualified URIs already lead to them. */
export function indexResources(
  servers: readonly ListedServer[],
  unlisted: ReadonlyMap<string, string>,
  own: readonly Candidate[],
  problems: ProblemList,
): ResourceIndex {
  const ownRoutes = new Map(own.map(({ exposed, route }) => [exposed, route]));
  const capable = servers.filter(hasResources);
  const byPrefix = new Map(unlisted);
  for (const { config } of capable) byPrefix.set(config.prefix, config.key);
  const prefixes = new Map([...byPrefix].map(([prefix, key]) => [key, prefix]));
  const [first] = capable;
  const sole = capable.length === 1 ? first?.config.key : undefined;

  const found = capable.flatMap((server) => readAll(server, 'uri', 'resource', problems));
  const foundTemplates = capable.flatMap((server) => readAll(server, 'uriTemplate', 'resource template', problems));
  const owners = ownersOf(found);
  const templateOwners = ownersOf(foundTemplates);
  const isQualified = (uri: string): boolean => byPrefix.has(parseQualifiedUri(uri)?.prefix ?? '');
  const needsPrefix = (uri: string, by: ReadonlyMap<string, readonly string[]>): boolean =>
    isQualified(uri) || ownRoutes.has(uri) || (by.get(uri)?.length ?? 0) > 1;
  reportCollisions(owners, 'resource', problems);
  reportCollisions(templateOwners, 'resource template', problems);

  const resources = entriesOf(
    [...own, ...found.map((one) => candidateOf(one, 'uri', needsPrefix(one.item.id, owners)))],
    'resources',
    problems,
  );
  const templates = entriesOf(
    foundTemplates.map((one) => candidateOf(one, 'uriTemplate', needsPrefix(one.item.id, templateOwners))),
    'resourceTemplates',
    problems,
  );
  const matchable: readonly OwnedTemplate[] = foundTemplates.flatMap(({ server, item }) => {
    const template = parseUriTemplate(item.id);
    return template === undefined ? [] : [{ serverKey: server.config.key, template }];
  });

  const resource = (uri: string): Route | undefined => {
    const qualified = qualifiedRoute(uri, byPrefix);
    if (qualified !== undefined) return qualified;
    const ownRoute = ownRoutes.get(uri);
    if (ownRoute !== undefined) return ownRoute;
    const listed = owners.get(uri);
    if (listed !== undefined) {
      const [owner] = listed;
      return owner !== undefined && listed.length === 1 ? { serverKey: owner, original: uri, edits: [] } : undefined;
    }
    const match = templateOwner(uri, matchable);
    const serverKey = match === 'nobody' ? sole : match;
    if (serverKey === undefined) return undefined;
    const route: Route = { serverKey, original: uri, edits: [] };
    return match === 'nobody' ? { ...route, guessed: true } : route;
  };
  const isUnambiguous = sole !== undefined && !found.some(({ item }) => ownRoutes.has(item.id));
  const ambiguous = new Set(!isUnambiguous ? capable.map((server) => server.config.key) : []);
  return {
    resources,
    templates,
    resource,
    template: (uriTemplate) => templates.routes.get(uriTemplate) ?? qualifiedRoute(uriTemplate, byPrefix),
    exposed(serverKey, uri) {
      const route = resource(uri);
      if (route?.serverKey === serverKey && route.original === uri) return uri;
      const prefix = prefixes.get(serverKey);
      return prefix === undefined ? uri : qualifiedUri(prefix, uri);
    },
    isTransparent: (serverKey) => !ambiguous.has(serverKey),
  };
}

function hasResources({ listing }: ListedServer): boolean {
  return (
    memberRaw(listing.capabilities, 'resources') !== undefined ||
    listing.resources.length > 0 ||
    listing.resourceTemplates.length > 0
  );
}

function qualifiedRoute(uri: string, byPrefix: ReadonlyMap<string, string>): Route | undefined {
  const parts = parseQualifiedUri(uri);
  if (parts === undefined) return undefined;
  const serverKey = byPrefix.get(parts.prefix);
  if (serverKey === undefined) return undefined;
  const { original } = parts;
  return { serverKey, original, edits: [['uri', literal(original)]] };
}

/** The one server whose templates the URI fits; undefined when several servers claim it. */
function templateOwner(uri: string, templates: readonly OwnedTemplate[]): string | 'nobody' | undefined {
  const budget: MatchBudget = { steps: templateMatchBudget };
  let owner: string | undefined;
  for (const { serverKey, template } of templates) {
    if (serverKey === owner || !uriTemplateMatches(template, uri, budget)) continue;
    if (owner !== undefined) return undefined;
    owner = serverKey;
  }
  return owner ?? 'nobody';
}

function readAll(server: ListedServer, idKey: 'uri' | 'uriTemplate', what: string, problems: ProblemList): Found[] {
  const { config, listing } = server;
  const kind = idKey === 'uri' ? 'resources' : 'resourceTemplates';
  const seen = new Set<string>();
  const found: Found[] = [];
  for (const raw of withinLimit(config, listing[kind], what, kindLimits[kind], problems)) {
    const item = readItem(raw, idKey);
    if (typeof item === 'string') {
      problems.leave({ kind, serverKey: config.key, original: '', reason: 'InvalidItem' });
      problems.add(
        'InvalidItem',
        [config.key],
        '',
        `a ${what} of server "${serverName(config.key)}" ${item}; it is left out`,
      );
    }
    // Both lead to the same place, so showing one of them is no choice between servers.
    else if (!seen.has(item.id)) {
      seen.add(item.id);
      const way = wayOf(server, item.object);
      if (typeof way === 'string') {
        problems.leave({ kind, serverKey: config.key, original: item.id, reason: 'HubLoop' });
        reportLoop(server, way, problems);
      } else found.push({ server, item, way });
    }
  }
  return found;
}

function ownersOf(found: readonly Found[]): ReadonlyMap<string, readonly string[]> {
  const owners = new Map<string, string[]>();
  for (const { server, item } of found) {
    const keys = owners.get(item.id);
    if (keys === undefined) owners.set(item.id, [server.config.key]);
    else keys.push(server.config.key);
  }
  return owners;
}

function reportCollisions(owners: ReadonlyMap<string, readonly string[]>, what: string, problems: ProblemList): void {
  for (const [uri, keys] of owners) {
    if (keys.length < 2) continue;
    const shown = decodeText(uri);
    problems.add(
      'UriCollision',
      keys,
      shown,
      `${keys.length} servers list the ${what} ${shown}; each is offered in its qualified form`,
    );
  }
}

function candidateOf({ server, item, way }: Found, idKey: 'uri' | 'uriTemplate', qualify: boolean): Candidate {
  const { config } = server;
  const exposed = qualify ? qualifiedUri(config.prefix, item.id) : item.id;
  const set: MemberEdit[] = qualify ? [[idKey, literal(exposed)]] : [];
  set.push(itemMeta(item.object, config.prefix, undefined, way));
  const raw: RawJson = editObject(item.object, set);
  const route: Route = { serverKey: config.key, original: item.id, edits: qualify ? [['uri', literal(item.id)]] : [] };
  return { server: config, exposed, route, modern: raw, legacy: raw, ...(qualify ? { reason: 'UriCollision' } : {}) };
}
