/**
 * Subscriptions of clients to single resources, over configuration changes: `resources/subscribe` of legacy clients and the
 * `resourceSubscriptions` of modern ones are the same thing here.
 *
 * Each leads to one resource of one server, which is asked for once however many want it (`upstream/resource-watches.ts`). After a change of
 * configuration they are led anew, and their clients told that the resource may have changed. Exactly those who subscribed hear of a
 * change, by the very URI they subscribed with.
 */
import type { Caller, ErrorOutcome, HubGraph, Route, Upstream } from '../exchange/index.ts';
import { hubError, type ResourceSubscription } from '../exchange/index.ts';
import { notSubscribable, unknownResource } from './refusals.ts';

/** Of one hub. */
export const mostSubscriptions = 100_000;

interface Bound {
  readonly upstream: Upstream;
  readonly route: Route;
  readonly listener: (uri: string) => void;
}

interface Subscription {
  readonly uri: string;
  readonly caller: Caller;
  readonly updated: (uri: string) => void;
  bound: Bound | undefined;
}

export class ResourceSubscriptions {
  readonly #graph: () => HubGraph;
  readonly #all = new Set<Subscription>();

  /** `graph`: that of the moment. */
  constructor(graph: () => HubGraph) {
    this.#graph = graph;
  }

  get size(): number {
    return this.#all.size;
  }

  /** `uri` and what `updated` gets are as this client knows them, byte form. */
  async add(uri: string, caller: Caller, updated: (uri: string) => void): Promise<ResourceSubscription | ErrorOutcome> {
    if (this.#all.size >= mostSubscriptions)
      return hubError('QM_OVERLOADED', { limit: mostSubscriptions, what: 'subscriptions to resources' });
    const graph = this.#graph();
    const route = graph.catalog.resource(uri);
    // Two hubs that each have nobody but the other to guess at would hand a subscription on for ever.
    const isAstray = route?.guessed === true && graph.catalog.hubs.has(route.serverKey);
    if (route === undefined || isAstray) return unknownResource(uri, graph, caller);
    const one: Subscription = { uri, caller, updated, bound: undefined };
    this.#all.add(one);
    const refused = await this.#bind(one, route);
    if (refused !== undefined) {
      this.#end(one);
      return refused;
    }
    return { end: () => this.#end(one) };
  }

  /** There is another graph. */
  rebind(): void {
    for (const one of this.#all) {
      const graph = this.#graph();
      const route = graph.catalog.resource(one.uri);
      const { bound } = one;
      const isSame =
        bound !== undefined &&
        route !== undefined &&
        bound.upstream === graph.upstream(route.serverKey) &&
        bound.route.original === route.original;
      if (isSame) continue;
      this.#unbind(one);
      if (route === undefined) continue;
      void this.#bind(one, route);
      one.updated(one.uri);
    }
  }

  #bind(one: Subscription, route: Route): Promise<ErrorOutcome | undefined> {
    const upstream = this.#graph().upstream(route.serverKey);
    if (upstream?.watchResource === undefined) return Promise.resolve(notSubscribable(one.uri));
    const listener = (changed: string): void =>
      one.updated(changed === route.original ? one.uri : this.#graph().catalog.exposedUri(route.serverKey, changed));
    one.bound = { upstream, route, listener };
    return upstream.watchResource(one.caller, route.original, listener);
  }

  #unbind(one: Subscription): void {
    const { bound } = one;
    one.bound = undefined;
    bound?.upstream.unwatchResource?.(one.caller, bound.route.original, bound.listener);
  }

  #end(one: Subscription): void {
    if (this.#all.delete(one)) this.#unbind(one);
  }
}
