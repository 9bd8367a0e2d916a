/**
 * Routes exchanges: one look-up in the catalog of their graph, the edits of the route, one lane; and answers what the hub itself knows.
 *
 * Runs for every request behind the edge. It never rejects, never parses a payload, and holds nothing between calls but a counter.
 * A request ends on the graph it began with (HT-0.05), with two exceptions in which nothing has been executed yet: a name that no
 * listed server has waits for servers never listed and is looked up again; and a call refused by an upstream that a newer
 * configuration has replaced meanwhile goes to its successor.
 */
import type { Clock, Logger } from '../base/index.ts';
import type { HubIdentity } from '../catalog/index.ts';
import {
  type Caller,
  type ErrorOutcome,
  type Exchange,
  hubError,
  type HubGraph,
  type LaneCall,
  type Outcome,
  type ResourceSubscription,
  type Route,
  type Upstream,
} from '../exchange/index.ts';
import { Admission, clientOf, Share, takeTurn } from '../limits/index.ts';
import type { Observer } from '../observe/index.ts';
import type { ParkedCalls, RequestStates, StateSealer } from '../questions/index.ts';
import type { SchemaChecker } from '../schemas/index.ts';
import {
  decodeText,
  editObject,
  memberRaw,
  memberString,
  type RawJson,
  type ScannedObject,
  upstreamMeta,
} from '../wire/index.ts';
import { callRecord, type CallTrace, endOfPassing } from './call-record.ts';
import { completionRoute, lookUp, type NamedKind, targetMember, unknownTarget } from './call-targets.ts';
import { Delivery } from './delivery.ts';
import { isOwnNotification, methodRule } from './method-table.ts';
import { invalidParams, unknownMethod } from './refusals.ts';
import { editedResult } from './edited-result.ts';
import { circleOf, hopsBehind, hopsOf } from './hops.ts';
import { ownResource } from './own-resource.ts';
import { answeredEdits, answersOf, type RoutedCall, RoundsOfCall, type Spent } from './rounds-of-call.ts';
import { SchemaChecks } from './schema-checks.ts';
import { forCaller } from './server-error.ts';
import { TaskIds } from './task-ids.ts';
import { TaskWatches } from './task-watch.ts';
import { Tasks } from './tasks.ts';
import { Lists, type ListsDeps } from './lists.ts';
import { emptyCompletion, pong, setLogLevel } from './own-answers.ts';
import { extras, withoutRound } from './sent-call.ts';
import { possibleOwners, waitForOwners } from './unlisted.ts';
import { vendorTarget } from './vendor.ts';

export interface RouterDeps extends ListsDeps {
  /** Hub key, `namespace/name`. */
  readonly hub: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly observer: Observer;
  /** A request begins and ends on a graph. */
  pin(graph: HubGraph): void;
  unpin(graph: HubGraph): void;
  /** Names a request in log and trace, see `request-ids.ts`. */
  requestId(exchange: Exchange): string;
  readonly states: RequestStates;
  /** Of the names of tasks. */
  readonly sealer: StateSealer;
  readonly parked: ParkedCalls;
  readonly schemas?: SchemaChecker | undefined;
  /** Who it is among hubs. */
  readonly identity?: HubIdentity | undefined;
  /** Unguessable. */
  newId(): string;
}

export interface Router {
  handle(exchange: Exchange): Promise<Outcome>;
  notify(method: string, params: ScannedObject | undefined, caller: Caller): void;
  watchTask(
    taskId: string,
    caller: Caller,
    updated: (task: RawJson) => void,
  ): Promise<ResourceSubscription | ErrorOutcome>;
  readonly inFlight: number;
  /** Who is served and who waits. */
  readonly admission: Pick<Admission, 'inFlight' | 'waiting' | 'waitingBytes' | 'clients'>;
}

/** How often one call may follow its server through configuration changes. */
const maxMoves = 8;
const noEdits: LaneCall['edits'] = [];

export function createRouter(deps: RouterDeps): Router {
  return new HubRouter(deps);
}

class HubRouter implements Router {
  readonly #deps: RouterDeps;
  readonly #rounds: RoundsOfCall;
  readonly #tasks: Tasks;
  readonly #lists: Lists;
  readonly #watches: TaskWatches;
  readonly #delivery: Delivery;
  readonly #checks: SchemaChecks;
  readonly admission: Admission;

  constructor(deps: RouterDeps) {
    this.#deps = deps;
    this.admission = new Admission({ clock: deps.clock, config: () => deps.graph().config });
    this.#checks = new SchemaChecks(deps);
    this.#delivery = new Delivery(deps.clock, () => deps.graph());
    const parkedLimit = (): number => parkedLimitOf(deps.graph().config);
    this.#tasks = new Tasks(new TaskIds(deps.sealer), (call, to, trace) => this.#deliver(call, to, trace));
    this.#lists = new Lists(deps);
    this.#watches = new TaskWatches(deps.clock);
    this.#rounds = new RoundsOfCall({ ...deps, parkedLimit, newId: () => deps.newId() });
  }

  get inFlight(): number {
    return this.admission.inFlight;
  }

  async handle(exchange: Exchange): Promise<Outcome> {
    const { clock, observer, hub } = this.#deps;
    const started = clock.monotonic();
    const trace: CallTrace = { startedAt: started, upstream: undefined, target: undefined };
    const requestId = this.#deps.requestId(exchange);
    let outcome: Outcome;
    const client = clientOf(exchange.caller);
    const share = this.admission.enter(client) ?? (await takeTurn(this.admission, client, exchange, observer));
    if (share instanceof Share) {
      const { graph } = exchange;
      const entered = clock.monotonic();
      this.#deps.pin(graph);
      try {
        outcome = await this.#route(exchange, trace);
      } catch (error) {
        this.#deps.log.error({ err: error, hub, method: exchange.method, requestId }, 'routing failed');
        outcome = hubError('QM_INTERNAL');
      }
      if (outcome.kind === 'result' && outcome.passing !== undefined) {
        // It goes on while its answer does.
        outcome.passing.source.onEnd((how) => {
          this.#deps.unpin(graph);
          this.admission.leave(share, clock.monotonic() - entered);
          const end = endOfPassing(how, outcome, trace);
          observer.callFinished(callRecord(hub, exchange, trace, end, clock.monotonic() - started, requestId));
        });
        return outcome;
      }
      this.#deps.unpin(graph);
      this.admission.leave(share, clock.monotonic() - entered);
    } else outcome = share;
    observer.callFinished(callRecord(hub, exchange, trace, outcome, clock.monotonic() - started, requestId));
    return outcome;
  }

  #route(arrived: Exchange, trace: CallTrace): Outcome | Promise<Outcome> {
    const graph = this.#deps.graphFor?.(arrived.graph, arrived.caller) ?? arrived.graph;
    const exchange = graph === arrived.graph ? arrived : { ...arrived, graph };
    const hops = hopsOf(exchange.params);
    const circle = hops === undefined ? undefined : circleOf(hops, this.#deps.identity);
    if (circle !== undefined) return circle;
    const rule = methodRule(exchange.method);
    if (rule === undefined) return this.#vendor(exchange, trace);
    switch (rule.kind) {
      case 'tool':
      case 'prompt':
      case 'resource':
        return this.#named(exchange, rule.kind, trace);
      case 'list':
        return this.#lists.page(exchange, rule.list);
      case 'complete':
        return this.#complete(exchange, trace);
      case 'logLevel':
        return setLogLevel(exchange);
      case 'task':
        return this.#tasks.handle(exchange, trace);
      case 'ping':
        return pong(exchange);
      case 'edge':
      case 'none':
        return unknownMethod(exchange.method);
    }
  }

  #named(exchange: Exchange, kind: NamedKind, trace: CallTrace): Outcome | Promise<Outcome> {
    const member = targetMember(kind);
    const target = memberString(exchange.params, member);
    if (target === undefined) return invalidParams(`params.${member} must be a string`);
    trace.target = target;
    if (exchange.caller.era === 'modern' && memberRaw(exchange.params, 'requestState') !== undefined)
      return this.#goOn(exchange, kind, target, trace);
    const route = lookUp(exchange.graph, kind, target);
    return route === undefined ? this.#notListed(exchange, kind, target, trace) : this.#send(exchange, route, trace);
  }

  /** Nobody listed has it: waits for servers that may, and for their successors when the configuration changes meanwhile. */
  async #notListed(exchange: Exchange, kind: NamedKind, target: string, trace: CallTrace): Promise<Outcome> {
    let { graph } = exchange;
    const learning = this.#lists.learn(exchange);
    if (learning !== undefined) {
      await learning;
      if (exchange.leg.cancellation.cancelled) return hubError('QM_CANCELLED');
      graph = this.#lists.fresh(exchange);
      const route = lookUp(graph, kind, target);
      if (route !== undefined) return this.#send({ ...exchange, graph }, route, trace);
    }
    const awaited = new Set<Upstream>();
    for (let moves = 0; moves <= maxMoves; moves++) {
      const owners = possibleOwners(graph, kind, target);
      if (owners.upstreams.every((upstream) => awaited.has(upstream)))
        return this.#unknown(exchange, graph, kind, target, trace);
      for (const upstream of owners.upstreams) awaited.add(upstream);
      await waitForOwners(owners, exchange, this.#deps.firstListWaitMs, this.#deps.clock);
      if (exchange.leg.cancellation.cancelled) return hubError('QM_CANCELLED');
      graph = this.#lists.fresh(exchange);
      const route = lookUp(graph, kind, target);
      if (route !== undefined) return this.#send({ ...exchange, graph }, route, trace);
    }
    return this.#unknown(exchange, graph, kind, target, trace);
  }

  /** A name that clearly belongs to a server that never came up is not unknown; it is not available. */
  #unknown(exchange: Exchange, graph: HubGraph, kind: NamedKind, target: string, trace: CallTrace): Outcome {
    const owners = possibleOwners(graph, kind, target);
    const [owner] = owners.upstreams;
    if (!owners.certain || owner === undefined) return unknownTarget(exchange, graph, kind, target);
    trace.upstream = owner;
    const { state } = owner;
    return hubError('QM_SERVER_FAILED', { server: owner.key, reason: state.message || state.reason });
  }

  async #send(exchange: Exchange, route: Route, trace: CallTrace): Promise<Outcome> {
    if (route.own !== undefined) return ownResource(exchange);
    const { serverKey, original, paramHeaders, edits = noEdits, repeatable } = route;
    const upstream = exchange.graph.upstream(serverKey);
    if (upstream === undefined)
      return hubError('QM_SERVER_FAILED', { server: serverKey, reason: 'it is not part of this hub' });
    const sent = Tasks.outgoing(exchange, upstream);
    const call: LaneCall =
      paramHeaders === undefined && repeatable === undefined && route.checks === undefined
        ? { exchange: sent, edits, target: original }
        : { exchange: sent, edits, target: original, ...extras(route) };
    if (route.checks !== undefined) {
      trace.upstream = upstream;
      const refused = await this.#checks.ofArguments(exchange, serverKey, route.checks);
      if (refused !== undefined) return refused;
    }
    const outcome =
      route.needsTask === true && exchange.caller.era === 'modern'
        ? await this.#tasks.inline(call, sent, upstream, trace)
        : await this.#deliver(call, upstream, trace);
    if (outcome.kind === 'result' && Tasks.isTask(outcome, sent))
      return this.#tasks.begun(outcome, exchange, serverKey);
    if (outcome.kind === 'result' && route.checks === undefined)
      return editedResult(outcome, exchange, route, trace.target);
    return this.#settle(outcome, { exchange, call, route, upstream, target: trace.target }, trace);
  }

  /** A modern client comes back with the state of an earlier answer (MRTR). */
  async #goOn(exchange: Exchange, kind: NamedKind, target: string, trace: CallTrace): Promise<Outcome> {
    const state = this.#deps.states.open(exchange);
    if (!('owner' in state)) return state;
    const answers = answersOf(exchange);
    if (typeof answers === 'string') return invalidParams(answers);
    if (state.kind === 'parked') {
      const routed = this.#rounds.take(state);
      if ('kind' in routed) return routed;
      trace.upstream = routed.upstream;
      return this.#settle(await routed.parked.resume(exchange.leg, answers), routed, trace, state);
    }
    const route = lookUp(exchange.graph, kind, target);
    const upstream = route === undefined ? undefined : exchange.graph.upstream(route.serverKey);
    if (route === undefined || upstream === undefined || route.serverKey !== state.server)
      return hubError('QM_QUESTION_EXPIRED');
    const edits = [...(route.edits ?? noEdits), ...answeredEdits(state)];
    const asked = state.kind === 'again' ? withoutRound(exchange) : exchange;
    const call: LaneCall = { exchange: asked, edits, target: route.original };
    const mirrored: LaneCall = { ...call, ...extras(route) };
    const outcome = await this.#deliver(mirrored, upstream, trace);
    return this.#settle(outcome, { exchange: asked, call: mirrored, route, upstream, target }, trace, state);
  }

  /** Questions are put to the client, results edited for it. */
  async #settle(first: Outcome, routed: RoutedCall, trace: CallTrace, before?: Spent): Promise<Outcome> {
    let outcome = first;
    if (outcome.kind === 'inputRequired' || outcome.kind === 'error')
      outcome = await this.#rounds.settle(
        outcome,
        routed,
        (call) => this.#deliver(call, routed.upstream, trace),
        before,
      );
    const { exchange, route } = routed;
    if (outcome.kind === 'error') return forCaller(outcome, exchange);
    if (outcome.kind !== 'result') return outcome;
    if (outcome.task === true) return this.#tasks.begun(outcome, exchange, route.serverKey);
    if (route.checks !== undefined) {
      const refused = await this.#checks.ofResult(outcome.result, exchange, route.serverKey, route.checks);
      if (refused !== undefined) return refused;
    }
    return editedResult(outcome, exchange, route, routed.target);
  }

  #deliver(call: LaneCall, first: Upstream, trace: CallTrace): Promise<Outcome> {
    const { identity } = this.#deps;
    if (identity === undefined || !this.#deps.graph().catalog.hubs.has(first.key))
      return this.#delivery.send(call, first, trace);
    const hops = hopsBehind(hopsOf(call.exchange.params), identity);
    return this.#delivery.send({ ...call, hops }, first, trace);
  }

  #complete(exchange: Exchange, trace: CallTrace): Outcome | Promise<Outcome> {
    const found = completionRoute(exchange);
    if ('kind' in found) return found;
    trace.target = found.target;
    const { route } = found;
    const upstream = exchange.graph.upstream(route.serverKey);
    // The hub offers completion as soon as one server has it; for items of the others there is nothing to suggest.
    const listing = upstream?.listing;
    if (listing !== undefined && memberRaw(listing.capabilities, 'completions') === undefined)
      return emptyCompletion[exchange.caller.era];
    if (upstream === undefined) return unknownMethod(exchange.method);
    return this.#deliver({ exchange, edits: route.edits ?? noEdits, target: undefined }, upstream, trace);
  }

  #vendor(exchange: Exchange, trace: CallTrace): Outcome | Promise<Outcome> {
    const target = vendorTarget(exchange.graph, exchange.params);
    if (target === undefined) return unknownMethod(exchange.method);
    if ('unknownServer' in target) return invalidParams(`Unknown server: ${decodeText(target.unknownServer)}`);
    return this.#deliver({ exchange, edits: noEdits, target: undefined }, target.upstream, trace);
  }

  watchTask(
    taskId: string,
    caller: Caller,
    updated: (task: RawJson) => void,
  ): Promise<ResourceSubscription | ErrorOutcome> {
    return this.#watches.watch(() => this.#tasks.seen(taskId, caller, this.#deps.graph()), updated);
  }

  notify(method: string, params: ScannedObject | undefined, caller: Caller): void {
    if (isOwnNotification(method)) return;
    const graph = this.#deps.graph();
    const target = vendorTarget(graph, params);
    if (target === undefined || 'unknownServer' in target) return;
    const { identity } = this.#deps;
    const hops = hopsOf(params);
    if (hops !== undefined && circleOf(hops, identity) !== undefined) return;
    const isOnward = identity !== undefined && graph.catalog.hubs.has(target.upstream.key);
    const onward = isOnward ? hopsBehind(hops, identity) : undefined;
    const meta = upstreamMeta(params?.meta, '', undefined, undefined, onward);
    const stripped = meta === undefined ? editObject(params, [], ['_meta']) : editObject(params, [['_meta', meta]]);
    target.upstream.lane(caller).notify?.(method, stripped);
  }
}

/** Older configurations do not name it. */
export function parkedLimitOf({ limits }: HubGraph['config']): number {
  return limits.parkedCalls ?? 1_000;
}
