/**
 * What the hub declares to clients.
 *
 * Tools, prompts and resources always: a legacy client learns capabilities once, at `initialize`, and servers come and go later (hot
 * configuration, late starts); an empty list is a correct answer, a list it never asks for is not. Completion, logging and subscriptions only
 * where a server has them, or one has not been listed yet. Extensions and experimental features are those of the servers; where two describe the
 * same one differently, no more is said than that it is there. Tasks are offered in the form of an era where a server of that era has them.
 */
import type { Era } from '@quaymaster/crds';

import { emptyObject, memberRaw, metaKey, quoted, type RawJson, scanObject, tasksExtension } from '../wire/index.ts';
import { compare, type ListedServer } from './candidate.ts';

export function hubCapabilities(
  servers: readonly ListedServer[],
  someUnlisted: boolean,
  hubId?: string,
): Readonly<Record<Era, RawJson>> {
  const any = (name: string): boolean =>
    someUnlisted || servers.some(({ listing }) => memberRaw(listing.capabilities, name) !== undefined);
  const completions = any('completions') ? ',"completions":{}' : '';
  const logging = any('logging') ? ',"logging":{}' : '';
  // How hubs find circles they are in (`hub-behind.ts`).
  const own = hubId === undefined ? undefined : (`{"id":${quoted(hubId)}}` as RawJson);
  const experimental = featuresOf(servers, 'experimental');
  const extensions = (era: Era): string => {
    const all = featuresOf(servers, 'extensions');
    if (era === 'legacy' || !hasTasks(servers, era)) all.delete(tasksExtension);
    return written('extensions', all, era === 'modern' ? own : undefined);
  };
  const tasks = hasTasks(servers, 'legacy') ? coreTasks : '';
  const subscribes = someUnlisted || servers.some(tellsOfResources);
  const resources = `"resources":{"listChanged":true${subscribes ? ',"subscribe":true' : ''}}`;
  const lists = `"tools":{"listChanged":true},"prompts":{"listChanged":true},${resources}`;
  return {
    modern: `{${lists}${completions}${written('experimental', experimental)}${extensions('modern')}}` as RawJson,
    legacy:
      `{${lists}${completions}${logging}${tasks}${written('experimental', experimental, own)}${extensions('legacy')}}` as RawJson,
  };
}

/** Lists of tasks are not offered: a server that several clients share would show them each other's. */
const coreTasks = ',"tasks":{"cancel":{},"requests":{"tools":{"call":{}}}}';
const unbounded = { depth: 128, nodes: 100_000 } as const;
/** Of all servers together. */
const mostFeatures = 64;

/** In its own era's form; the extension is nothing to a legacy client. */
function hasTasks(servers: readonly ListedServer[], era: Era): boolean {
  return servers.some(({ listing }) => {
    if (listing.era !== era) return false;
    if (era === 'legacy') return memberRaw(listing.capabilities, 'tasks') !== undefined;
    const raw = memberRaw(listing.capabilities, 'extensions');
    return raw !== undefined && memberRaw(scanObject(raw, unbounded), tasksExtension) !== undefined;
  });
}

/** What the servers say under `name`, by key; what a hub behind this one says of itself is not this one's. */
function featuresOf(servers: readonly ListedServer[], name: 'extensions' | 'experimental'): Map<string, RawJson> {
  const all = new Map<string, RawJson>();
  for (const { listing } of servers) {
    const raw = memberRaw(listing.capabilities, name);
    const object = raw === undefined ? undefined : scanObject(raw, unbounded);
    for (const { key, start, end } of object?.members ?? []) {
      const value = object?.raw.slice(start, end) as RawJson;
      const known = all.get(key);
      if (key === metaKey.hub || (known === undefined && all.size >= mostFeatures)) continue;
      all.set(key, known === undefined || known === value ? value : emptyObject);
    }
  }
  return all;
}

function written(name: string, features: ReadonlyMap<string, RawJson>, hub?: RawJson): string {
  const sorted = [...features].sort(([left], [right]) => compare(left, right));
  if (hub !== undefined) sorted.push([metaKey.hub, hub]);
  if (sorted.length === 0) return '';
  return `,"${name}":{${sorted.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(',')}}`;
}

function tellsOfResources({ listing }: ListedServer): boolean {
  const resources = memberRaw(listing.capabilities, 'resources');
  return resources !== undefined && memberRaw(scanObject(resources), 'subscribe') === 'true';
}
