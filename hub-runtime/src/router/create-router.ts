/**
 * Routes exchanges: lets each in, hands it to whoever answers its method, and records its end.
 *
 * Runs for every request behind the edge. It never rejects, never parses a payload, and holds nothing between calls but a counter. What names
 * a tool, a prompt or a resource goes on in `named-calls.ts`, to its server by `delivery.ts`; the hub's own answers are below.
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
  type Upstream,
} from '../exchange/index.ts';
import { Admission, clientOf, Share, takeTurn } from '../limits/index.ts';
import type { Observer } from '../observe/index.ts';
import type { ParkedCalls, RequestStates, StateSealer } from '../questions/index.ts';
import type { SchemaChecker } from '../schemas/index.ts';
import { decodeText, memberRaw, type RawJson, type ScannedObject } from '../wire/index.ts';
import { callRecord, type CallTrace, endOfPassing } from './call-record.ts';
import { completionRoute } from './call-targets.ts';
import { Delivery } from './delivery.ts';
import { circleOf, hopsOf, wayTo } from './hops.ts';
import { Lists, type ListsDeps } from './lists.ts';
import { isOwnNotification, methodRule } from './method-table.ts';
import { NamedCalls } from './named-calls.ts';
import { emptyCompletion, pong, setLogLevel } from './own-answers.ts';
import { invalidParams, unknownMethod } from './refusals.ts';
import { RoundsOfCall } from './rounds-of-call.ts';
import { SchemaChecks } from './schema-checks.ts';
import { TaskIds } from './task-ids.ts';
import { TaskWatches } from './task-watch.ts';
import { Tasks } from './tasks.ts';
import { passOn, vendorTarget } from './vendor.ts';

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

const noEdits: LaneCall['edits'] = [];

export function createRouter(deps: RouterDeps): Router {
  return new HubRouter(deps);
}

class HubRouter implements Router {
  readonly #deps: RouterDeps;
  readonly #tasks: Tasks;
  readonly #lists: Lists;
  readonly #watches: TaskWatches;
  readonly #delivery: Delivery;
  readonly #named: NamedCalls;
  readonly admission: Admission;

  constructor(deps: RouterDeps) {
    this.#deps = deps;
    this.admission = new Admission({ clock: deps.clock, config: () => deps.graph().config });
    this.#delivery = new Delivery(deps.clock, () => deps.graph());
    const deliver = (call: LaneCall, to: Upstream, trace: CallTrace): Promise<Outcome> =>
      this.#deliver(call, to, trace);
    const checks = new SchemaChecks(deps);
    this.#tasks = new Tasks(new TaskIds(deps.sealer), deliver, checks);
    this.#lists = new Lists(deps);
    this.#watches = new TaskWatches(deps.clock);
    const parkedLimit = (): number => parkedLimitOf(deps.graph().config);
    this.#named = new NamedCalls({
      clock: deps.clock,
      firstListWaitMs: deps.firstListWaitMs,
      states: deps.states,
      rounds: new RoundsOfCall({ ...deps, parkedLimit, newId: () => deps.newId() }),
      tasks: this.#tasks,
      lists: this.#lists,
      checks,
      deliver,
    });
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
        return this.#named.handle(exchange, rule.kind, trace);
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

  #deliver(call: LaneCall, first: Upstream, trace: CallTrace): Promise<Outcome> {
    const hops = wayTo(first.key, call.exchange.params, this.#deps.graph(), this.#deps.identity);
    return this.#delivery.send(hops === undefined ? call : { ...call, hops }, first, trace);
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
    if (!isOwnNotification(method)) passOn(this.#deps.graph(), method, params, caller, this.#deps.identity);
  }
}

/** Older configurations do not name it. */
export function parkedLimitOf({ limits }: HubGraph['config']): number {
  return limits.parkedCalls ?? 1_000;
}
