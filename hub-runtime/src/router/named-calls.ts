/**
 * Calls that name a tool, a prompt or a resource: found in the catalog of their graph, waited for where a server never listed may have them, sent
 * with the edits of their route, and settled: questions put to the client, tasks named, results checked and edited.
 *
 * Runs for each of them, behind `create-router.ts`, which lets requests in and records their end. A request ends on the graph it began with
 * (HT-0.05), except that a name which no listed server has is looked up again after the wait: nothing has been executed yet.
 */
import type { Clock } from '../base/index.ts';
import {
  type Exchange,
  hubError,
  type HubGraph,
  type LaneCall,
  type Outcome,
  type Route,
  type Upstream,
} from '../exchange/index.ts';
import type { RequestStates } from '../questions/index.ts';
import { memberRaw, memberString } from '../wire/index.ts';
import type { CallTrace } from './call-record.ts';
import { lookUp, type NamedKind, targetMember, unknownTarget } from './call-targets.ts';
import { editedResult } from './edited-result.ts';
import { routerLimits } from './limits.ts';
import type { Lists } from './lists.ts';
import { ownResource } from './own-resource.ts';
import { invalidParams } from './refusals.ts';
import { answeredEdits, answersOf, type RoutedCall, type RoundsOfCall, type Spent } from './rounds-of-call.ts';
import type { SchemaChecks } from './schema-checks.ts';
import { extras, withoutRound } from './sent-call.ts';
import { forCaller } from './server-error.ts';
import { Tasks } from './tasks.ts';
import { possibleOwners, waitForOwners } from './unlisted.ts';

export interface NamedCallsDeps {
  readonly clock: Clock;
  /** How long a call waits for servers that may have its name. */
  readonly firstListWaitMs: number;
  readonly states: RequestStates;
  readonly rounds: RoundsOfCall;
  readonly tasks: Tasks;
  readonly lists: Lists;
  readonly checks: SchemaChecks;
  deliver(call: LaneCall, to: Upstream, trace: CallTrace): Promise<Outcome>;
}

const noEdits: LaneCall['edits'] = [];

export class NamedCalls {
  readonly #deps: NamedCallsDeps;

  constructor(deps: NamedCallsDeps) {
    this.#deps = deps;
  }

  handle(exchange: Exchange, kind: NamedKind, trace: CallTrace): Outcome | Promise<Outcome> {
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
    const learning = this.#deps.lists.learn(exchange);
    if (learning !== undefined) {
      await learning;
      if (exchange.leg.cancellation.cancelled) return hubError('QM_CANCELLED');
      graph = this.#deps.lists.fresh(exchange);
      const route = lookUp(graph, kind, target);
      if (route !== undefined) return this.#send({ ...exchange, graph }, route, trace);
    }
    const awaited = new Set<Upstream>();
    for (let moves = 0; moves <= routerLimits.moves; moves++) {
      const owners = possibleOwners(graph, kind, target);
      if (owners.upstreams.every((upstream) => awaited.has(upstream)))
        return this.#unknown(exchange, graph, kind, target, trace);
      for (const upstream of owners.upstreams) awaited.add(upstream);
      await waitForOwners(owners, exchange, this.#deps.firstListWaitMs, this.#deps.clock);
      if (exchange.leg.cancellation.cancelled) return hubError('QM_CANCELLED');
      graph = this.#deps.lists.fresh(exchange);
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
      const refused = await this.#deps.checks.ofArguments(exchange, serverKey, route.checks);
      if (refused !== undefined) return refused;
    }
    const outcome =
      route.needsTask === true && exchange.caller.era === 'modern'
        ? await this.#deps.tasks.inline(call, sent, upstream, trace)
        : await this.#deps.deliver(call, upstream, trace);
    if (outcome.kind === 'result' && Tasks.isTask(outcome, sent))
      return this.#deps.tasks.begun(outcome, exchange, serverKey);
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
      const routed = this.#deps.rounds.take(state);
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
    const outcome = await this.#deps.deliver(mirrored, upstream, trace);
    return this.#settle(outcome, { exchange: asked, call: mirrored, route, upstream, target }, trace, state);
  }

  /** Questions are put to the client, results edited for it. */
  async #settle(first: Outcome, routed: RoutedCall, trace: CallTrace, before?: Spent): Promise<Outcome> {
    let outcome = first;
    if (outcome.kind === 'inputRequired' || outcome.kind === 'error')
      outcome = await this.#deps.rounds.settle(
        outcome,
        routed,
        (call) => this.#deps.deliver(call, routed.upstream, trace),
        before,
      );
    const { exchange, route } = routed;
    if (outcome.kind === 'error') return forCaller(outcome, exchange);
    if (outcome.kind !== 'result') return outcome;
    if (outcome.task === true) return this.#deps.tasks.begun(outcome, exchange, route.serverKey);
    if (route.checks !== undefined) {
      const refused = await this.#deps.checks.ofResult(outcome.result, exchange, route.serverKey, route.checks);
      if (refused !== undefined) return refused;
    }
    return editedResult(outcome, exchange, route, routed.target);
  }
}
