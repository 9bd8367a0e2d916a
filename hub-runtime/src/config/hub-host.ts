/**
 * Runs the hubs of a set of configurations, and replaces the set without losing a call (HT-0.05, EF-45).
 *
 * `apply` in this order, all in one turn of the event loop:
 *   1. plan     upstreams the new set needs: kept where key and runtimeHash are equal, created (not started) where not;
 *   2. prepare  a graph per hub, its catalog from last good listings. If anything throws so far, nothing has changed;
 *   3. swap     one assignment per hub. Requests that have begun keep their graph, the next ones see the new one;
 *   4. settle   kept upstreams take over edits (tools, timeouts), new ones are started;
 *   5. drain    upstreams nobody needs: no new work, calls in flight end or run into the drain timeout.
 * A changed server is new: calls to it wait for its start, and its tools stay listed as its predecessor listed them until it has listed
 * itself. A call that reaches a predecessor too late has executed nothing and follows to the successor (see router).
 * Order matters in one place: swapping before draining, so that no new request can find an upstream that takes no work.
 */
import type { HubConfig } from '@quaymaster/crds';

import type { HubGraph, HubPort, Upstream, UpstreamEvent } from '../exchange/index.ts';
import { Hub, type HubHooks, type Members } from './hub.ts';
import type { HubHostDeps, HubHostEvent } from './hub-host-deps.ts';
import { isSettled } from './settled.ts';
import { identity, type UpstreamPlan, UpstreamSet } from './upstream-set.ts';

export class HubHost {
  readonly #deps: HubHostDeps;
  readonly #hubs = new Map<string, Hub>();
  readonly #upstreams: UpstreamSet;
  readonly #listeners = new Set<(event: HubHostEvent) => void>();
  readonly #draining = new Set<Promise<void>>();
  readonly #settleWaiters = new Set<() => void>();
  readonly #hooks: HubHooks;
  #generation = 0;
  #isClosed = false;

  constructor(deps: HubHostDeps) {
    this.#deps = deps;
    this.#upstreams = new UpstreamSet(
      (config) => deps.createUpstream(config),
      (upstream, event) => this.#onUpstream(upstream, event),
    );
    this.#hooks = {
      nextGeneration: () => ++this.#generation,
      swapped: (hub) => {
        const { generation, catalog } = hub.graph;
        this.#emit({ kind: 'graph', hub: hub.key, generation, catalog });
      },
    };
  }

  /** In the order of the configurations last applied. */
  get hubs(): readonly HubPort[] {
    return [...this.#hubs.values()];
  }

  /** By `namespace/name`. The object stays the same while the hub is configured. */
  hub(key: string): HubPort | undefined {
    return this.#hubs.get(key);
  }

  /** Those in use; draining ones are not among them. */
  upstreams(): readonly Upstream[] {
    return this.#upstreams.all;
  }

  /** Takes over a complete set of configurations. Throws only when nothing has changed. */
  apply(configs: readonly HubConfig[]): void {
    if (this.#isClosed) return;
    const keysBefore = new Set(this.upstreams().map(({ key }) => key));
    const plan = this.#upstreams.plan(configs);
    const swaps = this.#prepareAll(configs, plan);
    const tells: (() => void)[] = [];
    const gone = new Map(this.#hubs);
    this.#hubs.clear();
    for (const { hub, swap } of swaps) {
      gone.delete(hub.key);
      this.#hubs.set(hub.key, hub);
      tells.push(swap());
    }
    const retired = this.#upstreams.settle(plan);
    for (const { upstream, isNew, config } of plan.wanted.values())
      if (isNew && config.lifecycle.start === 'eager') upstream.start();
    for (const upstream of retired) this.#drain(upstream);
    for (const tell of tells) tell();
    for (const hub of gone.values()) {
      hub.close();
      this.#emit({ kind: 'hubGone', hub: hub.key });
    }
    this.#forgetServers(keysBefore);
    for (const { hub } of swaps) hub.stateChanged();
    this.#checkSettled();
  }

  /** Resolves when every server has been listed, has failed, or sleeps; or when the time is over. Never rejects. */
  whenSettled(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const finish = (): void => {
        stopTimer();
        this.#settleWaiters.delete(finish);
        resolve();
      };
      const stopTimer = this.#deps.clock.after(timeoutMs, finish);
      this.#settleWaiters.add(finish);
      this.#checkSettled();
    });
  }

  onEvent(listener: (event: HubHostEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Stops every upstream, each within its drain timeout. Idempotent. */
  async close(): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true;
      for (const hub of this.#hubs.values()) hub.close();
      for (const upstream of this.#upstreams.settle({ wanted: new Map() })) this.#drain(upstream);
      this.#checkSettled();
    }
    await Promise.all(this.#draining);
  }

  /** Everything that may fail happens here; what was made for nothing is given back. */
  #prepareAll(configs: readonly HubConfig[], plan: UpstreamPlan): readonly Swap[] {
    const swaps: Swap[] = [];
    try {
      for (const config of configs) swaps.push(this.#prepare(config, membersOf(config, plan)));
      return swaps;
    } catch (error) {
      for (const { hub } of swaps) if (!this.#hubs.has(hub.key)) hub.close();
      this.#upstreams.abandon(plan);
      throw error;
    }
  }

  #prepare(config: HubConfig, members: Members): Swap {
    const hub = this.#hubs.get(`${config.namespace}/${config.name}`);
    if (hub === undefined) {
      const created = new Hub(config, members, this.#deps, this.#hooks);
      return { hub: created, swap: () => () => this.#hooks.swapped(created) };
    }
    if (isUnchanged(hub.graph, config, members)) return { hub, swap: () => () => {} };
    const graph = hub.prepare(config, members);
    return {
      hub,
      swap: () => {
        const tell = hub.commit(graph, members);
        this.#deps.observer.count('configSwaps', hub.key);
        this.#deps.log.info(
          { hub: hub.key, config: config.hash, generation: graph.generation },
          'configuration taken over',
        );
        return tell;
      },
    };
  }

  #onUpstream(upstream: Upstream, event: UpstreamEvent): void {
    for (const hub of this.#hubs.values()) {
      if (!hub.hasMember(upstream)) continue;
      if (event.kind === 'listing') hub.listingChanged();
      hub.stateChanged();
    }
    if (event.kind === 'state') this.#emit({ kind: 'server', key: upstream.key, state: event.state });
    this.#checkSettled();
  }

  #checkSettled(): void {
    if (this.#settleWaiters.size === 0 || (!this.#isClosed && !this.upstreams().every(isSettled))) return;
    for (const hub of this.#hubs.values()) hub.freshGraph();
    for (const finish of this.#settleWaiters) finish();
  }

  #drain(upstream: Upstream): void {
    const { key } = upstream;
    const done = upstream.stop(upstream.config.lifecycle.drainTimeoutMs).catch((error: unknown) => {
      this.#deps.log.error({ err: error, server: key }, 'a server did not stop as it should');
    });
    const tracked = done.finally(() => {
      this.#draining.delete(tracked);
      this.#reportState(key);
    });
    this.#draining.add(tracked);
  }

  /** A retired upstream has told of its own end; what counts under its key is its successor, or that there is none. */
  #reportState(key: string): void {
    const { observer } = this.#deps;
    const current = this.upstreams().find((upstream) => upstream.key === key);
    if (current === undefined) observer.upstreamGone(key);
    else observer.upstreamState(key, current.state.phase, current.state.restarts);
  }

  #forgetServers(before: ReadonlySet<string>): void {
    const now = new Set(this.upstreams().map(({ key }) => key));
    for (const key of before) {
      if (now.has(key)) continue;
      this.#emit({ kind: 'serverGone', key });
    }
  }

  #emit(event: HubHostEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        this.#deps.log.error({ err: error, event: event.kind }, 'a listener for hub events failed');
      }
    }
  }
}

/** `swap` only assigns; the function it returns tells those who listen. */
interface Swap {
  readonly hub: Hub;
  readonly swap: () => () => void;
}

function membersOf(config: HubConfig, { wanted }: UpstreamPlan): Members {
  const members = new Map<string, Upstream>();
  for (const server of config.servers) {
    const entry = wanted.get(identity(server));
    if (entry !== undefined) members.set(server.key, entry.upstream);
  }
  return members;
}

/** Nothing a request could notice: no new graph, so no generation is used up. */
function isUnchanged(graph: HubGraph, config: HubConfig, members: Members): boolean {
  return graph.config.hash === config.hash && [...members].every(([key, upstream]) => graph.upstream(key) === upstream);
}
