/**
 * Counts the graphs that something still uses: the current one, and older ones until their last call has ended.
 * The number is a metric: a hub whose count stays high has calls that do not end, and holds old catalogs for them.
 */
import type { HubGraph } from '../exchange/index.ts';

export class LiveGraphs {
  readonly #calls = new Map<HubGraph, number>();

  pin(graph: HubGraph): void {
    this.#calls.set(graph, (this.#calls.get(graph) ?? 0) + 1);
  }

  unpin(graph: HubGraph): void {
    const calls = (this.#calls.get(graph) ?? 1) - 1;
    if (calls > 0) this.#calls.set(graph, calls);
    else this.#calls.delete(graph);
  }

  /** The current graph counts whether or not a call uses it. */
  count(current: HubGraph): number {
    return this.#calls.size + (this.#calls.has(current) ? 0 : 1);
  }
}
