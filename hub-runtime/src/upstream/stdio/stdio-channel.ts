/**
 * JSON-RPC over one child, or whatever else carries messages both ways (`message-pipe.ts`): ids, pending calls, deadlines, progress, cancellation.
 * Knows methods of the transport only, not of a handshake.
 *
 * Every id is minted here and means one pending call (never the client's id: field notes 6.3.1); the progress token of a call is its id.
 * A call ends exactly once: by its answer, its deadline, its client's cancellation, or the end of the child. What comes later for it is
 * dropped and counted. Deadlines are looked at by one sweep every 250 ms while calls are pending: no timer per call.
 */
import { type Clock, type Logger, serverName } from '../../base/index.ts';
import {
  type Caller,
  type ErrorOutcome,
  type LaneExchange,
  hubError,
  type Leg,
  LinkedTable,
  type Numbered,
  type Outcome,
} from '../../exchange/index.ts';
import {
  emptyObject,
  errorRaw,
  findMember,
  mayAsk,
  notificationRaw,
  type RawJson,
  rawOf,
  resultRaw,
  rpcCode,
  type ScanFault,
  type ScannedMessage,
} from '../../wire/index.ts';
import { type Answerer, outcomeOf, protocolFault, rpcFailure } from '../answer.ts';
import { AskedCall, type AskedHost } from '../asked-call.ts';
import { soleAsker } from '../unattributed.ts';
import type { MessagePipe } from './message-pipe.ts';

const sweepMs = 250;

interface Pending extends Numbered<Pending> {
  readonly method: string;
  readonly exchange: LaneExchange | undefined;
  /** Replaced when the client comes back with answers. */
  leg: Leg | undefined;
  resolve: (outcome: Outcome | Promise<Outcome>) => void;
  /** Without progress; moves with it. */
  deadline: number;
  lastDeadline: number;
  readonly patienceMs: number;
  readonly limitMs: number;
  /** Since then its deadlines stand still: its client is asked something. */
  pausedAt: number | undefined;
  /** Once the server has asked. */
  asked: AskedCall | undefined;
  stopListening: (() => void) | undefined;
}

/** A call during which the child asks, or why it can be none. */
export type Asker = Pending | 'none' | 'several';

export interface ChannelOptions<P extends MessagePipe = MessagePipe> {
  readonly child: P;
  readonly clock: Clock;
  readonly log: Logger;
  /** The server's key, for messages. */
  readonly server: string;
  /** Calls in flight at once. */
  readonly maxInFlight: number;
}

export interface Dropped {
  /** Answers nobody waits for any more, or never did. */
  answers: number;
  /** Notifications that could not be attributed to one caller. */
  notifications: number;
}

export class StdioChannel<P extends MessagePipe = MessagePipe> {
  /** How answers are read. Undefined until the handshake has found out: then everything is taken as it comes. */
  answerer: Answerer | undefined;
  /** What the server has said so far, in number. */
  messages = 0;
  /** True once the server has answered anything. */
  heard = false;
  readonly child: P;
  readonly dropped: Dropped = { answers: 0, notifications: 0 };
  /** Everything the server says by itself except progress. */
  onNotification: (message: ScannedMessage) => void = () => {};
  onEnd: (message: string) => void = () => {};
  /** A request of the server's own beside `ping`. */
  onAsked: (message: ScannedMessage) => void = (message) =>
    this.refuse(message, 'this client declared no capability for that');
  readonly #options: ChannelOptions<P>;
  readonly #clock: Clock;
  readonly #pending = new LinkedTable<Pending>();
  #lastId = 0;
  #calls = 0;
  #sweeping: (() => void) | undefined;
  #end: string | undefined;

  constructor(options: ChannelOptions<P>) {
    this.#options = options;
    this.#clock = options.clock;
    this.child = options.child;
    this.child.onFault((fault) => this.#fault(fault));
    this.child.onExit((exit) => this.#ended(exit.message));
    this.child.onMessage((message) => {
      this.messages++;
      this.#message(message);
    });
  }

  /** Calls of clients in flight (not the hub's own requests). */
  get calls(): number {
    return this.#calls;
  }

  /** Why it is over, once it is. */
  get end(): string | undefined {
    return this.#end;
  }

  nextId(): number {
    return ++this.#lastId;
  }

  /** The one client call in flight, when there is exactly one. */
  onlyExchange(): LaneExchange | undefined {
    if (this.#calls !== 1) return undefined;
    for (const pending of this.#pending) if (pending.exchange !== undefined) return pending.exchange;
    return undefined;
  }

  /** Sends a request whose line carries `id`. Without an exchange it is the hub's own: never cancelled on the wire, no progress. */
  request(
    id: number,
    method: string,
    line: RawJson,
    exchange: LaneExchange | undefined,
    patienceMs: number,
    limitMs: number,
  ): Promise<Outcome> {
    const { server, maxInFlight } = this.#options;
    const leg = exchange?.leg;
    if (this.#end !== undefined) return Promise.resolve(hubError('QM_SERVER_GONE', { server, reason: this.#end }));
    if (leg !== undefined && leg.cancellation.cancelled) return Promise.resolve(hubError('QM_CANCELLED'));
    if (this.#pending.size >= maxInFlight)
      return Promise.resolve(
        hubError('QM_OVERLOADED', { limit: maxInFlight, what: `calls in flight on server "${serverName(server)}"` }),
      );
    if (!this.child.write(line)) return Promise.resolve(this.#refused());
    return new Promise((resolve) => {
      const now = this.#clock.monotonic();
      const pending: Pending = {
        before: undefined,
        after: undefined,
        sameSlot: undefined,
        id,
        method,
        exchange,
        leg,
        resolve,
        deadline: now + patienceMs,
        lastDeadline: now + limitMs,
        patienceMs,
        limitMs,
        pausedAt: undefined,
        asked: undefined,
        stopListening: undefined,
      };
      this.#pending.add(pending);
      this.#sweeping ??= this.#clock.every(sweepMs, this.#sweep);
      if (leg !== undefined) {
        this.#calls++;
        this.#follow(pending, leg);
      }
    });
  }

  /** The request was handed over, and has not ended. */
  awaits(id: number): boolean {
    return this.#pending.get(id) !== undefined;
  }

  notify(line: RawJson): void {
    this.child.write(line);
  }

  refuse({ id }: ScannedMessage, why: string): void {
    if (id !== undefined) this.child.write(errorRaw(id, rpcCode.methodNotFound, why));
  }

  /** The call that a question of the child belongs to: the only one in flight that could have asked it, if its client may be meant. */
  askerOf(isMeant: (caller: Caller) => boolean): Asker {
    const asker = soleAsker(this.#pending, ({ exchange, method }) => exchange !== undefined && mayAsk(method));
    return typeof asker === 'string' || asker.exchange === undefined || isMeant(asker.exchange.caller) ? asker : 'none';
  }

  /** The child asks during this call. */
  ask(pending: Pending, message: ScannedMessage, toldAll: boolean): void {
    const { exchange } = pending;
    if (exchange === undefined || this.answerer === undefined || message.id === undefined) return;
    if (pending.asked === undefined) {
      const host: AskedHost = {
        exchange,
        reply: (answer) => void this.child.write(answer),
        pause: () => {
          pending.pausedAt ??= this.#clock.monotonic();
        },
        proceed: () => this.#proceed(pending),
        abandon: (outcome, reason) => this.#giveUp(pending, outcome, reason),
        follow: (leg) => this.#follow(pending, leg),
      };
      pending.asked = new AskedCall(host, pending.resolve, { clock: this.#clock, from: this.answerer, toldAll });
      pending.resolve = (outcome) => pending.asked?.finish(outcome);
    }
    pending.asked.ask(message.id, message);
  }

  /** The child takes a question back. */
  withdrawn(id: RawJson): void {
    for (const { asked } of this.#pending) if (asked?.withdrawn(id) === true) return;
  }

  /** Ends a request of the hub's own that is open by nature. */
  cancelOwn(id: number): void {
    const pending = this.#take(id);
    if (pending === undefined) return;
    this.#sendCancelled(id, 'no longer wanted');
    pending.resolve(hubError('QM_CANCELLED'));
  }

  /** The request could not be handed over: this is its answer. */
  undelivered(id: number, outcome: ErrorOutcome): void {
    this.#take(id)?.resolve(outcome);
  }

  /** Answers everything that is pending with QM_SERVER_GONE. */
  finish(reason: string): void {
    this.#end ??= reason;
    this.#sweeping?.();
    this.#sweeping = undefined;
    const { server } = this.#options;
    const pending = [...this.#pending];
    for (const one of pending) this.#pending.delete(one);
    this.#calls = 0;
    for (const one of pending) one.resolve(hubError('QM_SERVER_GONE', { server, reason }));
  }

  #ended(message: string): void {
    const expected = this.#end !== undefined;
    this.finish(message);
    if (!expected) this.onEnd(message);
  }

  #refused(): Outcome {
    const { server } = this.#options;
    if (!this.child.writable) return hubError('QM_SERVER_GONE', { server, reason: 'it closed its input' });
    return hubError('QM_OVERLOADED', { limit: 1, what: `full input queue of server "${serverName(server)}"` });
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    if (pending === undefined) return undefined;
    this.#pending.delete(pending);
    if (pending.exchange !== undefined) this.#calls--;
    return pending;
  }

  #message(message: ScannedMessage): void {
    if (message.kind === 'response') this.#response(message);
    else if (message.kind === 'request') this.#asked(message);
    else if (message.method === 'notifications/progress') this.#progress(message);
    else this.onNotification(message);
  }

  #response(message: ScannedMessage): void {
    this.heard = true;
    // Ids are compared as numbers: the hub sends no strings, so `"7"` is nobody's (Number of a quoted string is NaN).
    const pending = message.id === undefined ? undefined : this.#take(Number(message.id));
    if (pending === undefined) this.dropped.answers++;
    else
      pending.resolve(
        this.answerer === undefined ? this.#asItCame(message) : outcomeOf(message, pending.method, this.answerer),
      );
  }

  #asItCame(message: ScannedMessage): Outcome {
    const { server } = this.#options;
    if (message.result !== undefined) return { kind: 'result', result: message.result, era: 'legacy', server };
    const failure = message.error === undefined ? undefined : rpcFailure(message.error);
    if (failure === undefined) return protocolFault(server, 'neither result nor error');
    return { kind: 'error', origin: 'server', ...failure, httpStatus: 200 };
  }

  /** A broken answer: its caller hears of it now, not at the deadline. */
  #fault(fault: ScanFault): void {
    const pending = fault.id === undefined ? undefined : this.#take(Number(fault.id));
    if (pending === undefined) this.dropped.answers++;
    else pending.resolve(protocolFault(this.#options.server, fault.message));
  }

  #asked(message: ScannedMessage): void {
    if (message.method === 'ping' && message.id !== undefined) this.child.write(resultRaw(message.id, emptyObject));
    else this.onAsked(message);
  }

  #progress(message: ScannedMessage): void {
    const { raw } = message;
    const member = findMember(message.params, 'progressToken');
    const pending = member && this.#pending.get(Number(raw.slice(member.start, member.end)));
    const leg = pending?.leg;
    if (member === undefined || pending === undefined || leg?.progressToken === undefined) {
      this.dropped.notifications++;
      return;
    }
    pending.deadline = Math.min(this.#clock.monotonic() + pending.patienceMs, pending.lastDeadline);
    leg.told = true;
    // Spliced, not rebuilt: everything else of the notification keeps its bytes.
    leg.notify((raw.slice(0, member.start) + leg.progressToken + raw.slice(member.end)) as RawJson);
  }

  #follow(pending: Pending, leg: Leg | undefined): void {
    pending.stopListening?.();
    if (leg !== undefined) pending.leg = leg;
    pending.stopListening = leg?.cancellation.onCancel(() =>
      this.#giveUp(pending, hubError('QM_CANCELLED'), leg.cancellation.reason ?? 'cancelled'),
    );
  }

  #proceed(pending: Pending): void {
    if (pending.pausedAt === undefined) return;
    const now = this.#clock.monotonic();
    pending.lastDeadline += now - pending.pausedAt;
    pending.deadline = Math.min(now + pending.patienceMs, pending.lastDeadline);
    pending.pausedAt = undefined;
  }

  #giveUp(pending: Pending, outcome: Outcome, reason: string): void {
    if (this.#take(pending.id) === undefined) return;
    this.#sendCancelled(pending.id, reason);
    pending.resolve(outcome);
  }

  #sendCancelled(requestId: number, reason: string): void {
    this.child.write(notificationRaw('notifications/cancelled', rawOf({ requestId, reason })));
  }

  readonly #sweep = (): void => {
    if (this.#pending.size === 0) {
      this.#sweeping?.();
      this.#sweeping = undefined;
      return;
    }
    const now = this.#clock.monotonic();
    for (const pending of this.#pending) {
      if (pending.pausedAt !== undefined || (now < pending.deadline && now < pending.lastDeadline)) continue;
      this.#take(pending.id);
      // Own requests are handshakes and listings; `initialize` must never be cancelled (2025-11-25, cancellation).
      if (pending.exchange !== undefined) this.#sendCancelled(pending.id, 'deadline');
      const ms = now >= pending.lastDeadline ? pending.limitMs : pending.patienceMs;
      pending.resolve(hubError('QM_CALL_TIMEOUT', { server: this.#options.server, ms }));
    }
  };
}
