/**
 * One legacy session: who the client is, what it has in flight, and where messages that belong to no request go.
 *
 * Every message goes to exactly one open stream (2025-11-25 transports, "multiple connections"); with none open it is dropped: the
 * client lists again when it comes back. The session never outlives its store entry.
 */
import type { Clock } from '../base/index.ts';
import {
  type Answer,
  type Caller,
  type Cancellation,
  hubError,
  type Principal,
  type Question,
  type SessionRef,
} from '../exchange/index.ts';
import { errorRaw, type RawJson, type ScannedMessage } from '../wire/index.ts';
import { EarlyCancellations } from './early-cancellations.ts';
import type { StreamCopy } from './replay-copy.ts';
import { SessionSubscriptions } from './session-subscriptions.ts';
import { ReplayBudget, SessionReplay } from './replay.ts';
import { type Deliver, SessionQuestions, type SessionQuestionsOptions } from './session-questions.ts';

/** A way to the client for unsolicited messages: a GET stream, or stdout. */
export interface SessionStream {
  /** False: it is closed or too slow; try another. */
  send(message: RawJson): boolean;
  /** The session is over. */
  close(): void;
}

/** A request of this client that has no answer yet. */
export interface SessionCall {
  readonly cancellation: Cancellation;
  /** Puts a message before the client on the stream of its answer. False: it cannot. */
  deliver?(message: RawJson): boolean;
}

/** How its client is asked. */
export interface AskOptions extends Omit<SessionQuestionsOptions, 'clock'> {
  /** Of all streams that can be resumed. */
  readonly replay: ReplayBudget;
  /** Something was kept of a stream of it. */
  readonly kept?: (session: LegacySession) => void;
}

const noAsking = { waitMs: () => 600_000, prefix: 'qm-' };

export interface NewSession {
  readonly principal: Principal;
  readonly revision: string;
  readonly capabilities: RawJson;
  readonly clientInfo: RawJson | undefined;
}

export interface SessionIdentity extends NewSession {
  readonly id: string;
  /** The sealed id the client holds; empty on a pipe, which is its own session. */
  readonly token: string;
  readonly clock: Clock;
  /** How long it lived at other replicas. */
  readonly ageMs?: number;
  /** Wall clock milliseconds of its id's end; a pipe's never ends. */
  readonly expiresMs?: number;
  readonly asking?: AskOptions;
}

export class LegacySession implements SessionRef {
  readonly id: string;
  readonly token: string;
  readonly createdMs: number;
  readonly expiresMs: number;
  readonly caller: Caller;
  /** By `idKey`: what a cancellation names and a duplicate collides with. */
  readonly calls = new Map<string, SessionCall>();
  /** Of requests that have not come yet, asked for each that comes. */
  readonly early: EarlyCancellations;
  /** The replica that held it before this one, while calls of it may still run there. */
  previous: string | undefined;
  /** Changes may have been announced between two replicas: its next stream begins with telling that lists, and all it subscribed to, changed. */
  missedChanges = false;
  /** Set by `logging/setLevel`, kept here and sent with each upstream request. */
  logLevel: string | undefined;
  lastUsedMs: number;
  readonly subscriptions = new SessionSubscriptions();
  readonly #clock: Clock;
  readonly #asking: AskOptions;
  /** Made with the first question. */
  #questions: SessionQuestions | undefined;
  /** Made with the first stream. */
  #replay: SessionReplay | undefined;
  #streams: SessionStream[] = [];
  #closed = false;

  constructor(identity: SessionIdentity) {
    this.id = identity.id;
    this.token = identity.token;
    this.#clock = identity.clock;
    this.early = new EarlyCancellations(identity.clock);
    this.#asking = identity.asking ?? { ...noAsking, replay: new ReplayBudget() };
    this.expiresMs = identity.expiresMs ?? Number.MAX_SAFE_INTEGER;
    this.lastUsedMs = identity.clock.monotonic();
    this.createdMs = this.lastUsedMs - (identity.ageMs ?? 0);
    this.caller = {
      era: 'legacy',
      revision: identity.revision,
      principal: identity.principal,
      session: this,
      capabilities: identity.capabilities,
      clientInfo: identity.clientInfo,
    };
  }

  get busy(): boolean {
    return this.calls.size > 0 || this.#streams.length > 0;
  }

  get closed(): boolean {
    return this.#closed;
  }

  notify(message: RawJson): void {
    for (const stream of this.#streams) if (stream.send(message)) return;
    // Its client may come back for it.
    this.#replay?.waiting?.send(message);
  }

  /** Streams that survive their connections. */
  get replay(): SessionReplay {
    return (this.#replay ??= this.#newReplay());
  }

  #newReplay(): SessionReplay {
    const { replay, kept } = this.#asking;
    return new SessionReplay(this.#clock, replay, kept === undefined ? undefined : () => kept(this));
  }

  sweep(): void {
    this.#replay?.sweep();
  }

  /** What its client may come back for, for another replica. `going`: with answers that are still worked on here. */
  copyStreams(going: boolean): readonly StreamCopy[] {
    return this.#replay?.copy(going) ?? [];
  }

  /** Goes on with streams of another replica. An answer whose replica was lost is its loss. */
  restoreStreams(copies: readonly StreamCopy[]): void {
    if (copies.length === 0) return;
    for (const stream of this.replay.restore(copies)) {
      const { code, message, data } = hubError('QM_REPLICA_LOST');
      stream.end(errorRaw(stream.requestId, code, message, data));
    }
  }

  /** Asks on a stream of no request, else on the answer of any that is open. */
  ask(question: Question): Promise<Answer> {
    return this.askVia(question, (message) => this.#deliver(message));
  }

  /** Asks where `deliver` leads; where that is nowhere, as `ask` does. */
  askVia(question: Question, deliver: Deliver): Promise<Answer> {
    this.#questions ??= new SessionQuestions({ ...this.#asking, clock: this.#clock });
    return this.#questions.ask(question, (message) => deliver(message) || this.#deliver(message));
  }

  /** A response of the client. False: to nothing that is open. */
  answered(message: ScannedMessage): boolean {
    this.lastUsedMs = this.#clock.monotonic();
    return this.#questions?.answered(message) ?? false;
  }

  #deliver(message: RawJson): boolean {
    for (const stream of this.#streams) if (stream.send(message)) return true;
    for (const call of this.calls.values()) if (call.deliver?.(message) === true) return true;
    return false;
  }

  attach(stream: SessionStream): void {
    this.#streams.push(stream);
  }

  detach(stream: SessionStream): void {
    this.#streams = this.#streams.filter((other) => other !== stream);
    this.lastUsedMs = this.#clock.monotonic();
  }

  callEnded(key: string, call: SessionCall): void {
    if (this.calls.get(key) !== call) return;
    this.calls.delete(key);
    this.early.ended(key);
    this.lastUsedMs = this.#clock.monotonic();
  }

  /** Its client opens them again, wherever the session lives then. */
  endStreams(): void {
    const streams = this.#streams;
    this.#streams = [];
    for (const stream of streams) stream.close();
  }

  /** Another replica goes on with it: what it hears unasked comes from there. */
  leave(): void {
    this.endStreams();
    this.subscriptions.endAll();
  }

  /** Ends streams and calls. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.endStreams();
    for (const call of this.calls.values()) call.cancellation.cancel('client-gone');
    this.#questions?.close();
    this.subscriptions.endAll();
    this.#replay?.close();
  }
}
