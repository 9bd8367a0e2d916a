/** Builders for catalog tests: every default is valid. */
import type { HubConfig, ServerConfig } from '@quaymaster/crds';

import { createSealer } from '../session/index.ts';
import { createTestClock } from '../base/index.ts';
import type { CatalogSnapshot, ServerListing } from '../exchange/index.ts';
import { emptyObject, parseRaw, type RawJson, rawOf, scanObject } from '../wire/index.ts';
import { buildCatalog, type CatalogDeps } from './build-catalog.ts';

type Changes<T> = { readonly [K in keyof T]?: T[K] extends object ? Partial<T[K]> | T[K] : T[K] };

export function serverConfig(name: string, changes: Partial<ServerConfig> = {}): ServerConfig {
  return {
    namespace: 'default',
    name,
    key: `default/${name}`,
    prefix: name,
    runtimeHash: `hash-of-${name}`,
    source: { kind: 'remote', url: `http://${name}.example/mcp` },
    transport: 'auto',
    protocol: 'auto',
    env: [],
    roots: [],
    headers: [],
    tools: { include: [], exclude: [], rename: {}, describe: {} },
    health: { intervalMs: 30_000, timeoutMs: 5_000, failureThreshold: 3 },
    lifecycle: { start: 'eager', drainTimeoutMs: 1_000, required: false },
    instances: { mode: 'shared', max: 4 },
    timeouts: { startMs: 20_000, callMs: 60_000, callMaxMs: 600_000, connectMs: 5_000 },
    ...changes,
  };
}

export function toolEdits(changes: Partial<ServerConfig['tools']>): Pick<ServerConfig, 'tools'> {
  return { tools: { include: [], exclude: [], rename: {}, describe: {}, ...changes } };
}

export function hubConfig(servers: readonly ServerConfig[], changes: Changes<HubConfig> = {}): HubConfig {
  const { naming, limits, ...rest } = changes;
  return {
    version: 1,
    namespace: 'default',
    name: 'desk',
    hash: 'config-1',
    path: '/mcp',
    eras: ['modern', 'legacy'],
    auth: { mode: 'none' },
    timeouts: { callMs: 60_000, callMaxMs: 600_000, sessionIdleMs: 1_800_000, keepAliveMs: 15_000 },
    servers,
    ...(rest as Partial<HubConfig>),
    naming: { strategy: 'prefix', separator: '_', maxLength: 64, aliases: {}, ...naming },
    limits: {
      payloadBytes: 4_194_304,
      jsonDepth: 64,
      jsonNodes: 100_000,
      batch: 20,
      inFlight: 1_000,
      sessions: 2_000,
      streams: 2_000,
      streamBufferBytes: 1_048_576,
      pageSize: 1_000,
      ...limits,
    },
  };
}

export interface Offer {
  readonly era?: 'modern' | 'legacy';
  readonly tools?: readonly unknown[];
  readonly prompts?: readonly unknown[];
  readonly resources?: readonly unknown[];
  readonly resourceTemplates?: readonly unknown[];
  readonly capabilities?: object;
  readonly instructions?: string;
}

export function listing(offer: Offer): ServerListing {
  const raws = (items: readonly unknown[] | undefined): readonly RawJson[] => (items ?? []).map(rawOf);
  const capabilities = scanObject(rawOf(offer.capabilities ?? {})) ?? scanObject(emptyObject);
  if (capabilities === undefined) throw new Error('capabilities must be an object');
  return {
    era: offer.era ?? 'modern',
    revision: offer.era === 'legacy' ? '2025-06-18' : '2026-07-28',
    serverInfo: undefined,
    instructions: offer.instructions === undefined ? undefined : rawOf(offer.instructions),
    capabilities,
    tools: raws(offer.tools),
    prompts: raws(offer.prompts),
    resources: raws(offer.resources),
    resourceTemplates: raws(offer.resourceTemplates),
  };
}

export const tool = (name: string, more: object = {}): object => ({ name, inputSchema: { type: 'object' }, ...more });

/** Sealer with a fixed key: the same tokens open in every catalog of a test, as on replicas. */
export function catalogDeps(): CatalogDeps {
  let count = 0;
  const sealer = createSealer([Buffer.alloc(32, 7)], createTestClock(), (size) => Buffer.alloc(size, ++count % 256));
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
