/** What exists behind a hub: an immutable snapshot of all tools, prompts, resources and templates. Pure. */
export { buildCatalog, type CatalogDeps, listKinds } from './build-catalog.ts';
export { type HubIdentity } from './hub-behind.ts';
export type { Freshness } from './list-pages.ts';
export { mostHubs } from './limits.ts';
export { qualifiedUri } from './qualified-uri.ts';
