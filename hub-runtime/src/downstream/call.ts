/**
 * One client request on its way through the hub: the leg of an exchange, from its arrival to its only answer.
 *
 * Runs for every call, so it is one object, one promise and no timer. A cancelled call gets no answer; a late outcome of it is dropped.
 * Never looks at bytes: `wire/` read them, `render-outcome.ts` writes them.
 */
import {
  type Caller,
  Cancellation,
  type ErrorOutcome,
  type Exchange,
  hubError,
  type HubGraph,
  type Leg,
  type Outcome,
} from '../exchange/index.ts';
import { idKey, memberString, nameMember, type RawJson, type RequestMeta, type ScannedMessage } from '../wire/index.ts';
import type { HubEdge } from './hub-edge.ts';
import { refuse } from './refuse.ts';
import { renderOutcome } from './render-outcome.ts';
import type { ReplyOwner, ReplySink } from './reply-sink.ts';

/** Requests in flight of one client that can name them: a legacy session, or a pipe. */
export interface CallScope {
  readonly calls: Map<string, { readonly cancellation: Cancellation }>;
  callEnded(key: string, call: { readonly cancellation: Cancellation }): void;
}

/** Everything about a request that is known before it starts. */
export interface Arrived {
  readonly message: ScannedMessage;
  readonly meta: RequestMeta;
  readonly caller: Caller;
  /** Read once: the request runs start to end on it. */
  readonly graph: HubGraph;
  readonly scope: CallScope | undefined;
  /** Least severe log level wanted with this request, or set for the session. */
  readonly logLevel: string | undefined;
  /** Undeclared `Mcp-Param-*` headers of this request, forwarded as they are. */
  readonly paramHeaders: Readonly<Record<string, string>> | undefined;
}

export class Call implements Leg, ReplyOwner {
  readonly id: RawJson;
  readonly progressToken: RawJson | undefined;
  readonly logLevel: string | undefined;
  readonly cancellation = new Cancellation();
  readonly #edge: HubEdge;
  readonly #sink: ReplySink;
  readonly #arrived: Arrived;
  readonly #key: string | undefined;
  readonly startedMs: number;
  #bytesOut = 0;
  #finished = false;

  constructor(edge: HubEdge, sink: ReplySink, arrived: Arrived, key: string | undefined) {
    this.id = arrived.message.id as RawJson;
    this.progressToken = arrived.meta.progressToken;
    this.logLevel = arrived.logLevel;
    this.#edge = edge;
    this.#sink = sink;
    this.#arrived = arrived;
    this.#key = key;
    this.startedMs = edge.deps.clock.monotonic();
  }

  notify(message: RawJson): void {
    if (this.#finished || this.cancellation.cancelled) return;
    this.#bytesOut += message.length;
    this.#sink.notify(message);
  }

  /** On the modern HTTP wire a closed response is the cancellation; a legacy client may only have lost its connection. */
  clientGone(): void {
    if (this.#arrived.caller.era === 'modern') this.cancellation.cancel('client-gone');
  }

  /** No answer for a while: the sink may show signs of life. */
  isSlow(): void {
    this.#sink.answerIsSlow();
  }

  async run(exchange: Exchange): Promise<void> {
    let outcome: Outcome;
    try {
      outcome = await this.#edge.port.handle(exchange);
    } catch (error) {
      this.#edge.deps.log.error({ err: error, method: exchange.method }, 'a call failed inside the hub');
      outcome = hubError('QM_INTERNAL');
    }
    this.#finish(outcome, exchange);
  }

  #finish(outcome: Outcome, exchange: Exchange): void {
    const { scope, message } = this.#arrived;
    this.#finished = true;
    this.#edge.calls.delete(this);
    if (scope !== undefined && this.#key !== undefined) scope.callEnded(this.#key, this);
    if (this.cancellation.cancelled) {
      this.#sink.silence();
      this.#record(outcome, message, 'cancelled', undefined);
      return;
    }
    const rendered = renderOutcome(outcome, exchange, this.#edge.hubInfo);
    this.#bytesOut += rendered.message.length;
    this.#sink.answer(rendered.message, rendered.httpStatus);
    const kind = rendered.error === undefined ? (rendered.toolError ? 'tool_error' : 'ok') : 'error';
    this.#record(outcome, message, kind, rendered.error);
  }

  #record(
    outcome: Outcome,
    message: ScannedMessage,
    kind: 'ok' | 'tool_error' | 'error' | 'cancelled',
    error: ErrorOutcome | undefined,
  ): void {
    const edge = this.#edge;
    const { caller } = this.#arrived;
    const member = nameMember(message.method);
    const server = outcome.kind === 'result' || outcome.kind === 'inputRequired' ? outcome.server : undefined;
    edge.deps.observer.callFinished({
      hub: edge.key,
      server:
        server === undefined ? (outcome.kind === 'error' ? outcome.serverKey : undefined) : edge.serverKey(server),
      method: message.method,
      target: member === undefined ? undefined : memberString(message.params, member),
      era: caller.era,
      upstreamEra: outcome.kind === 'result' ? outcome.era : outcome.kind === 'inputRequired' ? 'modern' : undefined,
      outcome: kind,
      code: error?.code,
      errorCode: error?.errorCode,
      durationMs: edge.deps.clock.monotonic() - this.startedMs,
      bytesIn: message.raw.length,
      bytesOut: this.#bytesOut,
      sessionId: caller.session?.id,
      requestId: edge.nextRequestId(),
    });
  }
}

/** Starts a call, or refuses it: too many in flight, or its id is taken. Undefined = it was refused and answered. */
export function startCall(edge: HubEdge, sink: ReplySink, arrived: Arrived): Call | undefined {
  const { message, caller, graph, scope, paramHeaders } = arrived;
  const id = message.id as RawJson;
  const limit = graph.config.limits.inFlight;
  if (edge.calls.size >= limit) {
    refuse(edge, sink, id, hubError('QM_OVERLOADED', { limit, what: 'calls in flight' }), 'inFlight');
    return undefined;
  }
  let key: string | undefined;
  if (scope !== undefined) {
    key = idKey(id);
    if (scope.calls.has(key)) {
      refuse(edge, sink, id, hubError('QM_DUPLICATE_ID'));
      return undefined;
    }
  }
  const call = new Call(edge, sink, arrived, key);
  const exchange: Exchange = {
    method: message.method,
    params: message.params,
    caller,
    graph,
    leg: call,
    paramHeaders,
  };
  edge.calls.add(call);
  if (key !== undefined) scope?.calls.set(key, call);
  sink.owner = call;
  void call.run(exchange);
  return call;
}
