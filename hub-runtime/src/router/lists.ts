/**
 * Lists of the hub as one caller gets them: once servers that are starting have had their moment, and with what servers show only to clients that
 * declare what this one does.
 */
import type { Clock } from '../base/index.ts';
import { type Caller, type Exchange, hubError, type HubGraph, type ListKind, type Outcome } from '../exchange/index.ts';
import { emptyObject, memberRaw, memberString } from '../wire/index.ts';
import { untilCancelled } from './unlisted.ts';

export interface ListsDeps {
  readonly clock: Clock;
  /** The graph of this moment. */
  graph(): HubGraph;
  /** The same, with every listing that has arrived so far taken in. */
  freshGraph(): HubGraph;
  /** The graph as this caller sees it: itself, where nobody sees anything else. */
  graphFor?(graph: HubGraph, caller: Caller): HubGraph;
  /** A client lists. Gives what to wait for before the first answer, undefined once the hub is warm. */
  beforeList(): Promise<void> | undefined;
  /** Bound of that wait, and of waits for servers a name only may belong to. */
  readonly firstListWaitMs: number;
}

export class Lists {
  readonly #deps: ListsDeps;

  constructor(deps: ListsDeps) {
    this.#deps = deps;
  }

  async page(exchange: Exchange, kind: ListKind): Promise<Outcome> {
    const cursor = memberString(exchange.params, 'cursor');
    if (cursor === undefined && memberRaw(exchange.params, 'cursor') !== undefined) return hubError('QM_BAD_CURSOR');
    const { firstListWaitMs, clock } = this.#deps;
    let { graph } = exchange;
    const warming = this.#deps.beforeList();
    if (warming !== undefined) {
      await untilCancelled(warming, exchange, firstListWaitMs, clock);
      if (exchange.leg.cancellation.cancelled) return hubError('QM_CANCELLED');
      graph = this.fresh(exchange);
    }
    const learning = this.learn(exchange);
    if (learning !== undefined) {
      await learning;
      if (exchange.leg.cancellation.cancelled) return hubError('QM_CANCELLED');
      graph = this.fresh(exchange);
    }
    const result = graph.catalog.page(kind, cursor, exchange.caller.era);
    return result === undefined ? hubError('QM_BAD_CURSOR') : { kind: 'ready', result };
  }

  /** What is known by now, as this caller sees it. */
  fresh({ caller }: Exchange): HubGraph {
    const graph = this.#deps.freshGraph();
    return this.#deps.graphFor?.(graph, caller) ?? graph;
  }

  /** Finds out what servers show to clients like this one. Undefined: there is nothing to find out. */
  learn(exchange: Exchange): Promise<void> | undefined {
    const { caller } = exchange;
    if (caller.capabilities === emptyObject) return undefined;
    const learning: Promise<void>[] = [];
    for (const upstream of this.#deps.graph().upstreams) {
      const one = upstream.learnFor?.(caller);
      if (one !== undefined) learning.push(one);
    }
    if (learning.length === 0) return undefined;
    const all = Promise.all(learning).then(() => undefined);
    return untilCancelled(all, exchange, this.#deps.firstListWaitMs, this.#deps.clock);
  }
}
