/** Catalogs of tests, and what clients see of them. */
import type { HubConfig, ServerConfig } from '@quaymaster/crds';

import type { CatalogSnapshot } from '../exchange/index.ts';
import { type Changes, hubConfig, listing, type Offer, serverConfig, testSealer } from '../fixtures/index.ts';
import { parseRaw } from '../wire/index.ts';
import { buildCatalog, type CatalogDeps } from './build-catalog.ts';

export { hubConfig, listing, type Offer, serverConfig, tool, toolEdits } from '../fixtures/index.ts';

export function catalogDeps(): CatalogDeps {
  const sealer = testSealer();
  return {
    sealCursor: (payload) => sealer.seal('cursor', payload),
    openCursor: (token) => sealer.open('cursor', token),
  };
}

/** A catalog of servers by name. */
export function catalogOf(
  offers: Readonly<Record<string, Offer>>,
  changes: Changes<HubConfig> & { readonly edits?: Readonly<Record<string, Partial<ServerConfig>>> } = {},
): CatalogSnapshot {
  const { edits = {}, ...hub } = changes;
  const servers = Object.keys(offers).map((name) => serverConfig(name, edits[name]));
  const listings = new Map(Object.entries(offers).map(([name, offer]) => [`default/${name}`, listing(offer)]));
  return buildCatalog(hubConfig(servers, hub), listings, catalogDeps());
}

interface Page {
  readonly nextCursor?: string;
  readonly [key: string]: unknown;
}

export function pageOf(
  catalog: CatalogSnapshot,
  kind: 'tools' | 'prompts' | 'resources' | 'resourceTemplates',
  era: 'modern' | 'legacy' = 'modern',
  cursor?: string,
): Page {
  const raw = catalog.page(kind, cursor, era);
  if (raw === undefined) throw new Error('no such page');
  return parseRaw(raw) as Page;
}

/** All items of a list, following cursors. */
export function itemsOf(
  catalog: CatalogSnapshot,
  kind: 'tools' | 'prompts' | 'resources' | 'resourceTemplates',
  era: 'modern' | 'legacy' = 'modern',
): Record<string, unknown>[] {
  const items: Record<string, unknown>[] = [];
  for (let cursor: string | undefined; ;) {
    const page = pageOf(catalog, kind, era, cursor);
    items.push(...(page[kind] as Record<string, unknown>[]));
    cursor = page.nextCursor;
    if (cursor === undefined) return items;
  }
}

export function namesOf(catalog: CatalogSnapshot, kind: 'tools' | 'prompts' = 'tools'): string[] {
  return itemsOf(catalog, kind).map(({ name }) => String(name));
}

export function urisOf(catalog: CatalogSnapshot, kind: 'resources' | 'resourceTemplates' = 'resources'): string[] {
  return itemsOf(catalog, kind).map((item) => String(kind === 'resources' ? item['uri'] : item['uriTemplate']));
}
