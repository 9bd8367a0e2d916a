/**
 * What stands between the router and one server: breakers, bulkhead and retries, for the server and for each of its tools (EF-84).
 *
 * `enter` before a call goes up, `leave` with what became of it, `pauseBeforeRetry` when it may be sent once more. As long as nothing is wrong
 * this is a look at two breakers, four additions and one small object per call; there is no promise, timer or closure. The guard lives as long
 * as its server's Upstream, so what it learned survives changes of configuration. It knows nothing of transports, and never sends anything.
 */
import type { ResilienceConfig } from '@quaymaster/crds';

import { type Clock, type Random, serverName } from '../base/index.ts';
import { type ErrorOutcome, hubError, type LaneCall, type Outcome } from '../exchange/index.ts';
import type { Observer } from '../observe/index.ts';
import { decodeText } from '../wire/index.ts';
import { type Admission, Breaker, type CircuitState, goes, refused } from './breaker.ts';
import { Bulkhead, Lanes, type NoRoom } from './bulkhead.ts';
import { pauseMs, RetryBudget } from './retry.ts';
import { againstServer, againstTool, mayPass, unknown } from './verdict.ts';

/** Tools with a breaker and a bulkhead of their own; others have the server's only. */
export const mostTools = 2_000;
const mostToolsNamed = 32;
const soonMs = 100;
/** When to come again where the queue was full, milliseconds. */
const againMs = 1_000;

export interface CallGuardDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly observer: Observer;
  /** Server key. */
  readonly server: string;
  /** It answers: what fails now is not its absence. */
  readonly isUp: () => boolean;
  /** A breaker opened or closed. */
  readonly changed: (message: string) => void;
}

/** Of one tool. */
class ToolGuard extends Lanes {
  /** Byte form. */
  readonly key: string;
  /** As people read it. */
  readonly name: string;
  readonly breaker: Breaker | undefined;

  constructor(name: string, breaker: Breaker | undefined) {
    super();
    this.key = name;
    this.name = decodeText(name);
    this.breaker = breaker;
  }
}

/** A call that was let in. */
export class Pass {
  readonly tool: ToolGuard | undefined;
  readonly byServer: Admission;
  readonly byTool: Admission;
  /** Where it counts how long it takes: monotonic milliseconds. Not so when it may have to wait for the server to start. */
  readonly startedAt: number | undefined;

  constructor(tool: ToolGuard | undefined, byServer: Admission, byTool: Admission, startedAt: number | undefined) {
    this.tool = tool;
    this.byServer = byServer;
    this.byTool = byTool;
    this.startedAt = startedAt;
  }
}

export interface Circuit {
  readonly state: CircuitState;
  readonly tools?: readonly string[];
}

export class CallGuard {
  readonly #deps: CallGuardDeps;
  readonly #tools = new Map<string, ToolGuard>();
  /** Tools whose breaker is not closed. */
  readonly #open = new Set<ToolGuard>();
  readonly #bulkhead: Bulkhead;
  readonly #budget = new RetryBudget();
  readonly #stopGauges: readonly (() => void)[];
  #settings: ResilienceConfig;
  #breaker: Breaker | undefined;

  constructor(settings: ResilienceConfig, deps: CallGuardDeps) {
    this.#deps = deps;
    this.#settings = settings;
    this.#bulkhead = new Bulkhead(deps.clock, settings.bulkhead);
    this.#breaker = this.#newBreaker();
    const { observer, server, clock } = deps;
    this.#stopGauges = [
      observer.gauge('circuitState', server, () => numberOf(this.#breaker?.state(clock.monotonic()))),
      observer.gauge('circuitToolsOpen', server, () => this.#openTools().length),
      observer.gauge('bulkheadQueued', server, () => this.#bulkhead.waiting),
    ];
  }

  get settings(): ResilienceConfig {
    return this.#settings;
  }

  get perTryMs(): number | undefined {
    return this.#settings.retry.perTryMs;
  }

  get queued(): number {
    return this.#bulkhead.waiting;
  }

  get inFlight(): number {
    return this.#bulkhead.inFlight;
  }

  /** Breakers that are not closed; undefined when all are. Asked for at every call. */
  get circuit(): Circuit | undefined {
    if (this.#breaker?.isOpen !== true && this.#open.size === 0) return undefined;
    const state = this.#breaker?.state(this.#deps.clock.monotonic()) ?? 'closed';
    const tools = this.#openTools();
    if (tools.length > 0) return { state, tools: tools.slice(0, mostToolsNamed) };
    return state === 'closed' ? undefined : { state };
  }

  /** Other settings: breakers begin anew where theirs have changed. */
  configure(settings: ResilienceConfig): void {
    const before = this.#settings;
    this.#settings = settings;
    this.#bulkhead.limits = settings.bulkhead;
    if (JSON.stringify(before.breaker) === JSON.stringify(settings.breaker)) return;
    this.#breaker = this.#newBreaker();
    // Calls under way leave through the guard they came in by.
    this.#tools.clear();
    this.#open.clear();
  }

  /** The server has come up anew. A tool that made its server fail is not cured by that. */
  serverIsNew(): void {
    if (this.#breaker?.reset() === true) this.#deps.changed('its circuit is closed: it has been started anew');
  }

  /** No more metrics of it. */
  close(): void {
    for (const stop of this.#stopGauges) stop();
  }

  /** A pass at once, a refusal, or the promise of one of them. */
  enter(call: LaneCall): Pass | ErrorOutcome | Promise<Pass | ErrorOutcome> {
    const { target, exchange, until } = call;
    const tool = exchange.method === 'tools/call' && target !== undefined ? this.#tool(target) : undefined;
    this.#budget.earn();
    if (this.#bulkhead.tryEnter(tool)) return this.#admit(tool);
    const now = this.#deps.clock.monotonic();
    const unwell = this.#refusalOf(tool, now);
    if (unwell !== undefined) return unwell;
    const mostMs = until === undefined ? Infinity : until - now;
    return this.#bulkhead
      .wait(tool, mostMs, exchange.leg.cancellation)
      .then((noRoom) => (noRoom === undefined ? this.#admit(tool) : this.#noRoom(noRoom)));
  }

  leave(pass: Pass, outcome: Outcome): void {
    const rest = outcome.kind === 'error' ? undefined : restOf(outcome);
    if (rest === undefined) this.#bulkhead.leave(pass.tool);
    else rest(() => this.#bulkhead.leave(pass.tool));
    const { clock, isUp } = this.#deps;
    const now = clock.monotonic();
    const ms = pass.startedAt === undefined || rest !== undefined ? 0 : now - pass.startedAt;
    if (outcome.kind !== 'error') {
      this.#record(pass, now, ms, 0, 0);
      return;
    }
    // One that is down is no case for a breaker: calls fail at once, and it is looked after.
    const isDown = outcome.errorCode === 'QM_SERVER_FAILED' && !isUp();
    this.#record(pass, now, ms, isDown ? unknown : againstServer(outcome), againstTool(outcome));
  }

  /** How long to wait before the call is sent again, milliseconds; undefined: it is not. `attempt`: attempts so far. */
  pauseBeforeRetry(outcome: ErrorOutcome, attempt: number): number | undefined {
    const { retry } = this.#settings;
    if (attempt >= retry.attempts || !mayPass(outcome)) return undefined;
    // It may be this call that ended the server: once more, but not until the server counts as a crash loop.
    if (outcome.errorCode === 'QM_SERVER_GONE' && attempt > 1) return undefined;
    if (outcome.errorCode === 'QM_SERVER_FAILED' && !this.#deps.isUp()) return undefined;
    if (!this.#budget.spend()) return undefined;
    this.#deps.observer.count('retries', this.#deps.server);
    return pauseMs(attempt - 1, retry, this.#deps.random);
  }

  /** There is room; the breakers have the last word. The clock is read only where that decides something: it is the dearest part of this. */
  #admit(tool: ToolGuard | undefined): Pass | ErrorOutcome {
    const { clock, isUp } = this.#deps;
    const own = tool?.breaker;
    const isTimed = this.#settings.breaker?.slowMs !== undefined && isUp();
    const isClosed = this.#breaker?.isOpen !== true && own?.isOpen !== true;
    if (isClosed) return new Pass(tool, goes, goes, isTimed ? clock.monotonic() : undefined);
    const now = clock.monotonic();
    const byServer = this.#breaker?.admit(now) ?? goes;
    const byTool = byServer === refused ? refused : (own?.admit(now) ?? goes);
    if (byTool !== refused) return new Pass(tool, byServer, byTool, isTimed ? now : undefined);
    this.#bulkhead.leave(tool);
    if (byServer !== refused) this.#breaker?.forget(byServer);
    return this.#isOpen(byServer === refused ? undefined : tool, now);
  }

  /** Nobody is made to wait for what would be refused. */
  #refusalOf(tool: ToolGuard | undefined, now: number): ErrorOutcome | undefined {
    if (this.#breaker?.state(now) === 'open') return this.#isOpen(undefined, now);
    return tool?.breaker?.state(now) === 'open' ? this.#isOpen(tool, now) : undefined;
  }

  #isOpen(tool: ToolGuard | undefined, now: number): ErrorOutcome {
    const breaker = tool === undefined ? this.#breaker : tool.breaker;
    const { server, observer } = this.#deps;
    observer.count('circuitRefusals', server);
    const what =
      tool === undefined ? `server "${serverName(server)}"` : `tool "${tool.name}" of server "${serverName(server)}"`;
    // Half open, and others try already: that will be over soon.
    const ms = Math.max(soonMs, Math.ceil(breaker?.remainingMs(now) ?? 0));
    return hubError('QM_CIRCUIT_OPEN', { what, why: breaker?.describe() ?? '', ms }, ms);
  }

  #noRoom(why: NoRoom): ErrorOutcome {
    if (why === 'cancelled') return hubError('QM_CANCELLED');
    const { observer, server } = this.#deps;
    observer.count('limitRejections', 'bulkhead');
    const { maxConcurrent, perTool } = this.#settings.bulkhead;
    const limit = Math.min(maxConcurrent ?? Infinity, perTool ?? Infinity);
    const what = `calls at once of server "${serverName(server)}" or one of its tools`;
    return hubError('QM_OVERLOADED', { limit, what }, againMs);
  }

  #record({ tool, byServer, byTool }: Pass, now: number, ms: number, serverWeight: number, toolWeight: number): void {
    const breaker = this.#breaker;
    if (serverWeight === unknown) breaker?.forget(byServer);
    // Slow calls are a tool's, where there is one.
    else if (breaker?.record(byServer, now, tool === undefined ? ms : 0, serverWeight) === true)
      this.#told(breaker, undefined, now);
    if (toolWeight === unknown) tool?.breaker?.forget(byTool);
    if (toolWeight === unknown || tool?.breaker?.record(byTool, now, ms, toolWeight) !== true) return;
    if (!tool.breaker.isOpen) this.#open.delete(tool);
    else if (this.#tools.get(tool.key) === tool) this.#open.add(tool);
    this.#told(tool.breaker, tool, now);
  }

  #told(breaker: Breaker, tool: ToolGuard | undefined, now: number): void {
    const { observer, server, changed } = this.#deps;
    const whose = tool === undefined ? 'its circuit' : `the circuit of its tool "${tool.name}"`;
    if (breaker.state(now) === 'closed') {
      changed(`${whose} is closed: it works again`);
      return;
    }
    observer.count('circuitOpened', server);
    changed(`${whose} is open for ${Math.ceil(breaker.remainingMs(now))} ms: ${breaker.describe()}`);
  }

  #tool(name: string): ToolGuard | undefined {
    const known = this.#tools.get(name);
    if (known !== undefined) return known;
    if (this.#tools.size >= mostTools && !this.#forgetOne()) return undefined;
    const tool = new ToolGuard(name, this.#newBreaker());
    this.#tools.set(name, tool);
    return tool;
  }

  /** Makes room for another tool: the one known longest that nobody calls and that is well. */
  #forgetOne(): boolean {
    const now = this.#deps.clock.monotonic();
    for (const [name, { inFlight, waiting, breaker }] of this.#tools) {
      if (inFlight > 0 || waiting.size > 0 || (breaker !== undefined && breaker.state(now) !== 'closed')) continue;
      return this.#tools.delete(name);
    }
    return false;
  }

  #openTools(): string[] {
    const now = this.#deps.clock.monotonic();
    const names: string[] = [];
    for (const tool of this.#open) {
      if (tool.breaker?.state(now) === 'closed') this.#open.delete(tool);
      else names.push(tool.name);
    }
    return names;
  }

  #newBreaker(): Breaker | undefined {
    const { breaker } = this.#settings;
    return breaker === undefined ? undefined : new Breaker(breaker);
  }
}

/** As the metric has it. */
function numberOf(state: CircuitState | undefined): number {
  return state === 'open' ? 2 : state === 'halfOpen' ? 1 : 0;
}

/** The server works on beyond this outcome: until its client has answered, or the rest of a large answer has come. Tells of the end of that. */
function restOf(outcome: Exclude<Outcome, ErrorOutcome>): ((ended: () => void) => void) | undefined {
  if (outcome.kind === 'inputRequired' && outcome.parked !== undefined) {
    const { parked } = outcome;
    return (ended) => parked.onEnd(ended);
  }
  if (outcome.kind === 'result' && outcome.passing !== undefined) {
    const { source } = outcome.passing;
    return (ended) => source.onEnd(ended);
  }
  return undefined;
}
