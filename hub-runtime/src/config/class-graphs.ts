/**
 * The current graph as clients with certain capabilities see it: the same but for its catalog, where a server shows them other lists
 * (`upstream/class-listings.ts`). Made at the first request of such a client, kept until the next swap, shared by all who see the same; nothing at all
 * where no server shows anybody anything else. A class that becomes known is another swap.
 */
import type { CatalogSnapshot, HubGraph, ServerListing } from '../exchange/index.ts';
import { emptyObject, type RawJson } from '../wire/index.ts';

export const classGraphLimits = {
  /** Distinct declarations of capabilities; beyond it they are looked up anew. */
  declarations: 256,
  /** Distinct catalogs; beyond it they are made anew. */
  graphs: 16,
} as const;

type Listings = ReadonlyMap<string, ServerListing>;

interface Made {
  /** By upstream, in the order of the graph. */
  readonly own: readonly (ServerListing | undefined)[];
  readonly graph: HubGraph;
}

export interface ClassGraphsOptions {
  readonly current: () => HubGraph;
  readonly build: (graph: HubGraph, listings: Listings) => CatalogSnapshot;
  /** What everybody sees, by server. */
  readonly listings: (graph: HubGraph) => Listings;
}

export class ClassGraphs {
  readonly #options: ClassGraphsOptions;
  #of: HubGraph | undefined;
  #some = false;
  #byDeclaration = new Map<RawJson, HubGraph>();
  #made: Made[] = [];

  constructor(options: ClassGraphsOptions) {
    this.#options = options;
  }

  /** Older graphs are what they are. */
  graphFor(graph: HubGraph, capabilities: RawJson): HubGraph {
    if (capabilities === emptyObject || graph !== this.#options.current()) return graph;
    if (this.#of !== graph) this.#begin(graph);
    if (!this.#some) return graph;
    let found = this.#byDeclaration.get(capabilities);
    if (found === undefined) {
      if (this.#byDeclaration.size >= classGraphLimits.declarations) this.#byDeclaration.clear();
      found = this.#find(graph, capabilities);
      this.#byDeclaration.set(capabilities, found);
    }
    return found;
  }

  /** There is another graph. Gives what was seen of the one before, by capabilities. */
  swapped(): ReadonlyMap<RawJson, HubGraph> {
    const seen = this.#byDeclaration;
    this.#begin(this.#options.current());
    return seen;
  }

  #begin(graph: HubGraph): void {
    this.#of = graph;
    this.#some = graph.upstreams.some((upstream) => upstream.hasClassListings === true);
    this.#byDeclaration = new Map();
    this.#made = [];
  }

  #find(graph: HubGraph, capabilities: RawJson): HubGraph {
    const own = graph.upstreams.map((upstream) => upstream.listingFor?.(capabilities));
    if (own.every((listing) => listing === undefined)) return graph;
    const made = this.#made.find((one) => one.own.every((listing, at) => listing === own[at]));
    if (made !== undefined) return made.graph;
    const listings = new Map(this.#options.listings(graph));
    for (const [at, { key }] of graph.upstreams.entries()) {
      const listing = own[at];
      if (listing !== undefined) listings.set(key, listing);
    }
    const fresh = { ...graph, catalog: this.#options.build(graph, listings), base: graph };
    if (this.#made.length >= classGraphLimits.graphs) this.#made = [];
    this.#made.push({ own, graph: fresh });
    return fresh;
  }
}
