/** The edges of all hubs of a listener: made when a hub is first asked for, retired when its path no longer leads to it. */
import type { HubPort } from '../../exchange/index.ts';
import type { EdgeDeps, HubDirectory } from '../edge-deps.ts';
import { HubEdge } from '../hub-edge.ts';

interface Known {
  readonly edge: HubEdge;
  /** Paths under which it was reached: how its removal is noticed. */
  readonly paths: Set<string>;
}

/** A hub has one path, or two; more only if a directory answers to patterns. */
const maxPaths = 8;

export class EdgeMap {
  readonly #directory: HubDirectory;
  readonly #deps: EdgeDeps;
  /** Bounded by the number of configured hubs. */
  readonly #known = new Map<HubPort, Known>();

  constructor(directory: HubDirectory, deps: EdgeDeps) {
    this.#directory = directory;
    this.#deps = deps;
  }

  find(path: string): HubEdge | undefined {
    const port = this.#directory.resolve(path);
    if (port === undefined) return undefined;
    const known = this.#known.get(port);
    if (known !== undefined) {
      if (known.paths.size < maxPaths) known.paths.add(path);
      return known.edge;
    }
    const edge = new HubEdge(port, this.#deps);
    this.#known.set(port, { edge, paths: new Set([path]) });
    return edge;
  }

  all(): readonly HubEdge[] {
    return [...this.#known.values()].map((known) => known.edge);
  }

  /** Retires edges whose hub is gone from the configuration. Their calls end on the graph they began with. */
  sweep(): void {
    for (const [port, { edge, paths }] of this.#known) {
      if ([...paths].some((path) => this.#directory.resolve(path) === port)) continue;
      edge.drain();
      if (edge.calls.size > 0) continue;
      this.#known.delete(port);
      edge.retire();
    }
  }
}
