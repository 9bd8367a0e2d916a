/**
 * The current graph as clients with certain capabilities see it: the same but for its catalog, where a server shows them other lists
 * (`upstream/class-listings.ts`). Made at the first request of such a client, kept until the next swap; nothing at all where no server does.
 */
import type { CatalogSnapshot, HubGraph, ServerListing } from '../exchange/index.ts';
import { emptyObject, type RawJson } from '../wire/index.ts';

/** Distinct declarations of capabilities; beyond it they are made anew. */
export const mostClassGraphs = 64;

type Listings = ReadonlyMap<string, ServerListing>;

export class ClassGraphs {
  readonly #current: () => HubGraph;
  readonly #build: (graph: HubGraph, listings: Listings) => CatalogSnapshot;
  readonly #listings: (graph: HubGraph) => Listings;
  #of: HubGraph | undefined;
  #made = new Map<RawJson, HubGraph>();

  constructor(
    current: () => HubGraph,
    build: (graph: HubGraph, listings: Listings) => CatalogSnapshot,
    listings: (graph: HubGraph) => Listings,
  ) {
    this.#current = current;
    this.#build = build;
    this.#listings = listings;
  }

  /** Older graphs are what they are. */
  graphFor(graph: HubGraph, capabilities: RawJson): HubGraph {
    if (capabilities === emptyObject || graph !== this.#current()) return graph;
    let some = false;
    for (const upstream of graph.upstreams) if (upstream.hasClassListings === true) some = true;
    if (!some) return graph;
    if (this.#of !== graph) this.#begin(graph);
    let made = this.#made.get(capabilities);
    if (made === undefined) {
      if (this.#made.size >= mostClassGraphs) this.#made.clear();
      made = this.#make(graph, capabilities);
      this.#made.set(capabilities, made);
    }
    return made;
  }

  /** There is another graph. Gives what was made of the one before, by capabilities. */
  swapped(): ReadonlyMap<RawJson, HubGraph> {
    const made = this.#made;
    this.#begin(this.#current());
    return made;
  }

  #begin(graph: HubGraph): void {
    this.#of = graph;
    this.#made = new Map();
  }

  #make(graph: HubGraph, capabilities: RawJson): HubGraph {
    const listings = new Map(this.#listings(graph));
    let differs = false;
    for (const upstream of graph.upstreams) {
      const own = upstream.listingFor?.(capabilities);
      if (own === undefined) continue;
      listings.set(upstream.key, own);
      differs = true;
    }
    return differs ? { ...graph, catalog: this.#build(graph, listings), base: graph } : graph;
  }
}
