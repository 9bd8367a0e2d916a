/** One immutable graph from a configuration, a catalog and the upstreams behind it. */
import type { HubConfig } from '@quaymaster/crds';

import type { CatalogSnapshot, HubGraph, Upstream } from '../exchange/index.ts';

/** `members` by server key; copied, so that a later change of the map cannot reach a graph in use. */
export function graphOf(
  config: HubConfig,
  generation: number,
  catalog: CatalogSnapshot,
  members: ReadonlyMap<string, Upstream>,
): HubGraph {
  const own = new Map(members);
  return { config, generation, catalog, upstream: (key) => own.get(key), upstreams: [...own.values()] };
}
