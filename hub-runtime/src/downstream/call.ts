/**
 * One client request on its way through the hub: the leg of an exchange, from its arrival to its only answer.
 *
 * Runs for every call, so it is one object, one promise and no timer. A cancelled call gets no answer; a late outcome of it is dropped.
 * Never looks at bytes: `wire/` read them, `render-outcome.ts` writes them.
 */
import {
  type Answer,
  type Caller,
  Cancellation,
  type Exchange,
  hubError,
  type HubGraph,
  type Leg,
  type Linked,
  type Outcome,
  type Question,
} from '../exchange/index.ts';
import type { LegacySession } from '../session/index.ts';
import { findMember, idKey, type RawJson, type RequestMeta, type ScannedMessage } from '../wire/index.ts';
import type { HubEdge } from './hub-edge.ts';
import { PassingCall, type Passed } from './passing-call.ts';
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
  readonly id: RawJson;
  readonly message: ScannedMessage;
  readonly meta: RequestMeta;
  readonly caller: Caller;
  /** Read once: the request runs start to end on it. */
  readonly graph: HubGraph;
  readonly scope: CallScope | undefined;
  /** Legacy: where its client is asked. */
  readonly session?: LegacySession;
  /** Least severe log level wanted with this request, or set for the session. */
  readonly logLevel: string | undefined;
  /** Undeclared `Mcp-Param-*` headers of this request, forwarded as they are. */
  readonly paramHeaders: Readonly<Record<string, string>> | undefined;
  /** Trace context of its HTTP headers, as members of a `_meta`. */
  readonly trace?: string | undefined;
}

export class Call implements Leg, Linked<Call>, ReplyOwner {
  before: Call | undefined;
  after: Call | undefined;
  readonly id: RawJson;
  readonly progressToken: RawJson | undefined;
  readonly logLevel: string | undefined;
  readonly cancellation = new Cancellation();
  readonly #edge: HubEdge;
  readonly #sink: ReplySink;
  readonly #arrived: Arrived;
  readonly #key: string | undefined;
  readonly startedMs: number;
  #finished = false;
  /** Its answer goes on while it arrives. */
  #passing: PassingCall | undefined;

  constructor(edge: HubEdge, sink: ReplySink, arrived: Arrived, key: string | undefined) {
    this.id = arrived.id;
    this.progressToken = arrived.meta.progressToken;
    this.logLevel = arrived.logLevel;
    this.#edge = edge;
    this.#sink = sink;
    this.#arrived = arrived;
    this.#key = key;
    this.startedMs = edge.deps.clock.monotonic();
  }

  get passes(): boolean {
    return this.#sink.pass !== undefined;
  }

  notify(message: RawJson): void {
    if (this.#finished || this.cancellation.cancelled) return;
    this.#sink.notify(message);
  }

  deliver(message: RawJson): boolean {
    return !this.#finished && this.#sink.deliver(message);
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

  /** The hub ends before the call does: its client is told, its server is cancelled. */
  abandon(): void {
    if (this.#finished) return;
    if (this.#passing !== undefined) {
      this.#passing.cancel();
      return;
    }
    this.#finished = true;
    this.#leave();
    if (this.cancellation.cancelled) this.#sink.silence();
    else refuse(this.#edge, this.#sink, this.id, hubError('QM_CANCELLED'));
    this.cancellation.cancel('shutdown');
  }

  #leave(): void {
    const { scope } = this.#arrived;
    this.#edge.calls.delete(this);
    if (scope !== undefined && this.#key !== undefined) scope.callEnded(this.#key, this);
  }

  #finish(outcome: Outcome, exchange: Exchange): void {
    if (outcome.kind === 'result' && outcome.passing !== undefined) {
      this.#pass({ ...outcome, passing: outcome.passing }, exchange);
      return;
    }
    if (this.#finished) return;
    this.#finished = true;
    this.#leave();
    if (this.cancellation.cancelled) {
      this.#sink.silence();
      return;
    }
    const rendered = renderOutcome(outcome, exchange, this.#edge.hubInfo);
    this.#sink.answer(rendered.message, rendered.httpStatus, rendered.retryAfterMs);
  }

  /** The call lives until the last of its answer is written. */
  #pass(outcome: Passed, exchange: Exchange): void {
    const { source } = outcome.passing;
    const edge = this.#edge;
    const passing = new PassingCall(outcome, exchange, edge.hubInfo, (reason) =>
      edge.deps.log.warn({ hub: edge.key, server: outcome.server, reason }, 'an answer broke off'),
    );
    const writer = this.#finished || this.cancellation.cancelled ? undefined : this.#sink.pass?.(passing);
    if (writer === undefined) {
      source.abort('nobody reads it');
      if (!this.#finished) this.#end(() => this.#sink.silence());
      return;
    }
    this.#passing = passing;
    edge.passing++;
    source.onEnd(() => {
      edge.passing--;
      this.#end(() => {});
    });
    this.cancellation.onCancel(() => passing.cancel());
    passing.begin(writer);
  }

  #end(last: () => void): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#leave();
    last();
  }
}

/** Of a legacy session: its client can be asked while the request waits. */
class SessionCall extends Call {
  readonly #session: LegacySession;

  constructor(session: LegacySession, edge: HubEdge, sink: ReplySink, arrived: Arrived, key: string | undefined) {
    super(edge, sink, arrived, key);
    this.#session = session;
  }

  ask(question: Question): Promise<Answer> {
    return this.#session.askVia(question, (message) => this.deliver(message));
  }
}

/** Starts a call, or refuses it because its id is taken. The bound on calls in flight is the router's. */
export function startCall(edge: HubEdge, sink: ReplySink, arrived: Arrived): void {
  const { message, caller, graph, scope, paramHeaders, trace } = arrived;
  const { argumentBytes } = graph.config.limits;
  if (argumentBytes !== undefined && argumentsSize(message) > argumentBytes) {
    const error = hubError('QM_ARGUMENTS_TOO_LARGE', { limit: argumentBytes });
    refuse(edge, sink, arrived.id, error, 'argumentBytes');
    return;
  }
  let key: string | undefined;
  if (scope !== undefined) {
    key = idKey(arrived.id);
    if (scope.calls.has(key)) {
      refuse(edge, sink, arrived.id, hubError('QM_DUPLICATE_ID'));
      return;
    }
    // A cancelled request gets no answer, whichever of the two came first.
    if (arrived.session?.early.takes(key) === true) {
      sink.silence();
      return;
    }
  }
  const call =
    arrived.session === undefined
      ? new Call(edge, sink, arrived, key)
      : new SessionCall(arrived.session, edge, sink, arrived, key);
  const exchange: Exchange = {
    method: message.method,
    params: message.params,
    caller,
    graph,
    leg: call,
    paramHeaders,
    trace,
  };
  edge.calls.add(call);
  if (key !== undefined) scope?.calls.set(key, call);
  sink.owner = call;
  void call.run(exchange);
}

/** Bytes of `params.arguments`: of tools, prompts and completions alike. */
function argumentsSize({ params }: ScannedMessage): number {
  const member = findMember(params, 'arguments');
  return member === undefined ? 0 : member.end - member.start;
}
