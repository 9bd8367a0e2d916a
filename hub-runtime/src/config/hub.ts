/**
 * One hub: its current graph, the catalog kept up to date with what its servers list, and the announcement of changes.
 *
 * The object lives as long as the hub is configured; edges hold it across configuration changes and read `graph` anew per request.
 * Last good listings stay in the catalog while their server fails, sleeps or is replaced by a new configuration of it; only a server
 * that leaves the configuration leaves the catalog.
 */
import { randomUUID } from 'node:crypto';

import type { HubConfig } from '@quaymaster/crds';

import { buildCatalog, type CatalogDeps, listKinds } from '../catalog/index.ts';
import type {
  Caller,
  ErrorOutcome,
  Exchange,
  HubGraph,
  HubPort,
  ListKind,
  Outcome,
  ResourceSubscription,
  ServerListing,
  Upstream,
} from '../exchange/index.ts';
import { ParkedCalls, RequestStates } from '../questions/index.ts';
import { createRequestIds, createRouter, parkedLimitOf, ResourceSubscriptions, type Router } from '../router/index.ts';
import type { RawJson, ScannedObject } from '../wire/index.ts';
import { ChangeGate } from './change-gate.ts';
import { ClassGraphs } from './class-graphs.ts';
import { freshnessOf } from './freshness.ts';
import { graphOf } from './graph-of.ts';
import type { HubHostDeps } from './hub-host-deps.ts';
import { LiveGraphs } from './live-graphs.ts';
import { isAsleep, isSettled } from './settled.ts';
import { WarmUp } from './warm-up.ts';

export type Members = ReadonlyMap<string, Upstream>;

const defaultFirstListWaitMs = 3_000;
/** Older configurations do not name it. */
const defaultQuestionMs = 600_000;

/** What a hub needs of its host. */
export interface HubHooks {
  nextGeneration(): number;
  /** After each swap of the graph, with what clients can see of it changed or not. */
  swapped(hub: Hub): void;
}

export class Hub implements HubPort {
  readonly key: string;
  readonly #deps: HubHostDeps;
  readonly #hooks: HubHooks;
  readonly #catalogDeps: CatalogDeps;
  readonly #router: Router;
  readonly #parked: ParkedCalls;
  readonly #classes: ClassGraphs;
  readonly #subscriptions = new ResourceSubscriptions(() => this.#graph);
  readonly #gate: ChangeGate;
  readonly #warmUp: WarmUp;
  readonly #live = new LiveGraphs();
  readonly #listeners = new Set<(kinds: readonly ListKind[]) => void>();
  readonly #lastGood = new Map<string, ServerListing>();
  readonly #unregister: readonly (() => void)[];
  #members: Members = new Map();
  #graph: HubGraph;
  #wasSettled = false;
  /** Some client has listed something, so changes are news to somebody. */
  #hasListed = false;

  constructor(config: HubConfig, members: Members, deps: HubHostDeps, hooks: HubHooks) {
    const { clock, log, observer, sealer } = deps;
    const firstListWaitMs = deps.firstListWaitMs ?? defaultFirstListWaitMs;
    this.key = `${config.namespace}/${config.name}`;
    this.#deps = deps;
    this.#hooks = hooks;
    const identity = deps.identity?.(this.key);
    this.#catalogDeps = {
      sealCursor: (payload) => sealer.seal('cursor', payload),
      openCursor: (token) => sealer.open('cursor', token),
      ...(deps.hubInfo === undefined ? {} : { hubInfo: deps.hubInfo }),
      ...(identity === undefined ? {} : { identity }),
      freshness: (kind) => freshnessOf(kind, this.#members.values(), clock.monotonic()),
    };
    this.#gate = new ChangeGate(clock, () => this.#rebuild());
    this.#warmUp = new WarmUp(clock, firstListWaitMs);
    this.#graph = this.prepare(config, members);
    this.#members = members;
    const newId = deps.newId ?? randomUUID;
    const questionMs = (): number => this.#graph.config.timeouts.questionMs ?? defaultQuestionMs;
    this.#parked = new ParkedCalls({
      clock,
      newId,
      limit: () => parkedLimitOf(this.#graph.config),
      waitMs: questionMs,
    });
    this.#classes = new ClassGraphs({
      current: () => this.#graph,
      build: (graph, listings) => buildCatalog(graph.config, listings, this.#catalogDeps),
      listings: (graph) => this.#listings(graph.config, this.#members),
    });
    this.#router = createRouter({
      sealer,
      states: new RequestStates({ sealer, owner: deps.replica ?? 'alone', ttlMs: questionMs }),
      parked: this.#parked,
      newId,
      hub: this.key,
      clock,
      log,
      observer,
      firstListWaitMs,
      graph: () => this.#graph,
      freshGraph: () => this.freshGraph(),
      graphFor: (graph, caller) => this.#classes.graphFor(graph, caller.capabilities),
      pin: (graph) => this.#live.pin(graph),
      unpin: (graph) => this.#live.unpin(graph),
      beforeList: () => this.#beforeList(),
      requestId: createRequestIds(deps.run ?? 'hub'),
      schemas: deps.schemas,
      identity,
    });
    this.#unregister = [
      observer.gauge('callsInFlight', this.key, () => this.#router.admission.inFlight),
      observer.gauge('queuedCalls', this.key, () => this.#router.admission.waiting),
      observer.gauge('queuedBytes', this.key, () => this.#router.admission.waitingBytes),
      observer.gauge('activeClients', this.key, () => this.#router.admission.clients),
      observer.gauge('parkedCalls', this.key, () => this.#parked.size),
      observer.gauge('liveGraphs', this.key, () => this.#live.count(this.#graph)),
    ];
  }

  get graph(): HubGraph {
    return this.#graph;
  }

  get liveGraphs(): number {
    return this.#live.count(this.#graph);
  }

  handle(exchange: Exchange): Promise<Outcome> {
    return this.#router.handle(exchange);
  }

  notify(method: string, params: ScannedObject | undefined, caller: Caller): void {
    this.#router.notify(method, params, caller);
  }

  subscribeResource(
    uri: string,
    caller: Caller,
    updated: (uri: string) => void,
  ): Promise<ResourceSubscription | ErrorOutcome> {
    return this.#subscriptions.add(uri, caller, updated);
  }

  watchTask(
    taskId: string,
    caller: Caller,
    updated: (task: RawJson) => void,
  ): Promise<ResourceSubscription | ErrorOutcome> {
    return this.#router.watchTask(taskId, caller, updated);
  }

  logLevelChanged(caller: Caller, level: string): void {
    for (const upstream of this.#members.values()) upstream.logLevelChanged?.(caller, level);
  }

  rootsChanged(caller: Caller): void {
    for (const upstream of this.#members.values()) upstream.rootsChanged?.(caller);
  }

  onListsChanged(listener: (kinds: readonly ListKind[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  sessionEnded(sessionId: string): void {
    for (const upstream of this.#members.values()) upstream.sessionEnded(sessionId);
  }

  get parkedCalls(): number {
    return this.#parked.size;
  }

  hasMember(upstream: Upstream): boolean {
    return this.#members.get(upstream.key) === upstream;
  }

  /** The graph for a configuration and its upstreams; nothing changes yet. */
  prepare(config: HubConfig, members: Members): HubGraph {
    const catalog = buildCatalog(config, this.#listings(config, members), this.#catalogDeps);
    return graphOf(config, this.#hooks.nextGeneration(), catalog, members);
  }

  #listings(config: HubConfig, members: Members): Map<string, ServerListing> {
    const listings = new Map<string, ServerListing>();
    for (const { key } of config.servers) {
      const listing = members.get(key)?.listing ?? this.#members.get(key)?.listing ?? this.#lastGood.get(key);
      if (listing !== undefined) listings.set(key, listing);
    }
    return listings;
  }

  /**
   * Takes a prepared graph over: from here on every new request sees it. One assignment, so nothing is ever half-applied.
   * The returned function tells clients and listeners; called when all else is in place.
   */
  commit(graph: HubGraph, members: Members): () => void {
    const before = this.#graph;
    this.#remember(graph, members);
    this.#members = members;
    this.#graph = graph;
    const seen = this.#classes.swapped();
    return () => {
      this.#announce(before, graph, seen);
      this.#subscriptions.rebind();
      this.#hooks.swapped(this);
    };
  }

  /** A member has listed anew. */
  listingChanged(): void {
    this.#gate.poke();
  }

  /** A member's state changed. When the last one has settled, what they listed is shown at once, and lists that wait go on. */
  stateChanged(): void {
    const wasSettled = this.#wasSettled;
    this.#wasSettled = this.#isSettled();
    if (!this.#wasSettled) return;
    if (!wasSettled) this.freshGraph();
    this.#warmUp.release();
  }

  freshGraph(): HubGraph {
    this.#gate.flush();
    return this.#graph;
  }

  close(): void {
    this.#parked.close();
    this.#gate.close();
    this.#warmUp.end();
    this.#listeners.clear();
    for (const unregister of this.#unregister) unregister();
  }

  #rebuild(): void {
    const tell = this.commit(this.prepare(this.#graph.config, this.#members), this.#members);
    tell();
  }

  /** Keeps what members listed last, for the time when they cannot; forgets servers that left. */
  #remember(graph: HubGraph, members: Members): void {
    for (const [key, upstream] of this.#members)
      if (upstream.listing !== undefined) this.#lastGood.set(key, upstream.listing);
    for (const [key, upstream] of members)
      if (upstream.listing !== undefined) this.#lastGood.set(key, upstream.listing);
    for (const key of this.#lastGood.keys()) if (graph.upstream(key) === undefined) this.#lastGood.delete(key);
  }

  /** `seen`: what classes of clients saw before. */
  #announce(before: HubGraph, after: HubGraph, seen: ReadonlyMap<RawJson, HubGraph>): void {
    const pairs = [[before, after] as const];
    for (const [capabilities, graph] of seen) pairs.push([graph, this.#classes.graphFor(after, capabilities)]);
    const kinds = listKinds.filter((kind) =>
      pairs.some(([old, fresh]) => old.catalog.hashes[kind] !== fresh.catalog.hashes[kind]),
    );
    if (kinds.length === 0 || !this.#hasListed) return;
    this.#deps.observer.count('listChanges', this.key);
    for (const listener of this.#listeners) {
      try {
        listener(kinds);
      } catch (error) {
        this.#deps.log.error({ err: error, hub: this.key }, 'a listener for list changes failed');
      }
    }
  }

  #beforeList(): Promise<void> | undefined {
    this.#hasListed = true;
    // What a sleeping server has is known once it is up: if this list does not wait for that, a list change will tell.
    for (const upstream of this.#members.values())
      if (isAsleep(upstream)) void upstream.wake(upstream.config.timeouts.startMs);
    return this.#warmUp.wait(() => this.#isSettled());
  }

  #isSettled(): boolean {
    for (const upstream of this.#members.values()) if (!isSettled(upstream)) return false;
    return true;
  }
}
