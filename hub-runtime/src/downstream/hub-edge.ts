/**
 * The client side of one hub: its legacy sessions, calls in flight and open streams, all bounded by the hub's limits.
 *
 * Made at the first request for the hub, retired when the hub leaves the configuration or the process ends. One coarse sweep serves
 * everything that waits (keep-alive of streams, idle sessions), so no call and no stream has a timer of its own.
 */
import { type HubPort, LinkedList, type ListKind } from '../exchange/index.ts';
import { paceLimits, type PaceLimits } from '../limits/index.ts';
import {
  type AskOptions,
  createSessionStore,
  type LegacySession,
  type SessionBodies,
  ReplayBudget,
  type SessionEnd,
  type SessionStore,
} from '../session/index.ts';
import { rawOf, type RawJson, type ScanLimits } from '../wire/index.ts';
import type { AttachedClient } from './attached.ts';
import type { Call } from './call.ts';
import type { EdgeDeps } from './edge-deps.ts';
import { changedNotifications } from './list-changes.ts';
import type { Listening } from './listen.ts';
import type { PipeClient } from './pipe/index.ts';
import { UnreadAnswers } from './unread-answers.ts';

/** Something long-lived that wants a sign of life now and then. */
export interface KeptAlive {
  keepAlive(nowMs: number, everyMs: number): void;
  /** Cuts a reader that does not keep pace. */
  lookAtReader?(nowMs: number, pace: PaceLimits): void;
}

/** Older configurations do not name them. */
const defaultQuestionMs = 600_000;
const defaultUnreadBytes = 256 * 1024 * 1024;
/** So long an answer waits for another replica to know what it says. */
const copyMs = 500;
const shortestSweepMs = 20;
const longestSweepMs = 1000;

export class HubEdge {
  readonly port: HubPort;
  readonly deps: EdgeDeps;
  /** `namespace/name`. */
  readonly key: string;
  readonly hubInfo: RawJson;
  /** How legacy clients are asked. */
  readonly asking: AskOptions;
  readonly sessions: SessionStore;
  readonly calls = new LinkedList<Call>();
  readonly listening = new Set<Listening>();
  /** Every open event stream. */
  readonly kept = new Set<KeptAlive>();
  /** Clients bound to a connection of their own. They count as streams. */
  readonly attached = new Set<AttachedClient>();
  /** Those of HTTP+SSE, by what their address ends in. */
  readonly oldClients = new Map<string, { readonly client: PipeClient }>();
  /** Finished answers that their readers have not taken yet. */
  readonly unread: UnreadAnswers;
  /** Open streams that count against `limits.streams`: GET and listen. */
  streams = 0;
  /** Large answers that are passed on while they arrive. */
  passing = 0;
  /** Requests that another replica answers at this moment. */
  forwards = 0;
  /** Answers that wait until another replica knows what they say. */
  #copying = 0;
  #draining = false;
  readonly #undo: (() => void)[];

  constructor(port: HubPort, deps: EdgeDeps) {
    this.port = port;
    this.deps = deps;
    const config = port.graph.config;
    this.key = `${config.namespace}/${config.name}`;
    this.hubInfo = rawOf(deps.hubInfo);
    this.unread = new UnreadAnswers(
      () => ({ ...this.pace, totalBytes: port.graph.config.limits.unreadBytes ?? defaultUnreadBytes }),
      (limit) => deps.observer.count('limitRejections', limit),
    );
    // Unlike that of any other replica: ids that came from here are known anywhere.
    const tag = deps.randomBytes(4).toString('hex');
    this.asking = {
      waitMs: () => port.graph.config.timeouts.questionMs ?? defaultQuestionMs,
      prefix: `qm-${tag}-`,
      replay: new ReplayBudget(tag),
      ...(deps.bodies === undefined ? {} : { kept: (session: LegacySession) => this.#kept(session) }),
    };
    this.sessions = createSessionStore({
      asking: this.asking,
      hub: this.key,
      owner: deps.peers?.self ?? 'alone',
      sealer: deps.sealer,
      clock: deps.clock,
      randomBytes: deps.randomBytes,
      limits: () => ({
        sessions: port.graph.config.limits.sessions,
        idleMs: port.graph.config.timeouts.sessionIdleMs,
      }),
      onEnd: (session, how) => this.#sessionEnded(session, how),
    });
    const soonestMs = Math.min(config.timeouts.keepAliveMs, this.pace.graceMs);
    const sweepMs = Math.min(Math.max(soonestMs / 4, shortestSweepMs), longestSweepMs);
    this.#undo = [
      port.onListsChanged((kinds) => this.#listsChanged(kinds)),
      deps.clock.every(sweepMs, () => this.#sweep()),
      deps.observer.gauge('sessions', this.key, () => this.sessions.size),
      deps.observer.gauge('streams', this.key, () => this.streams),
      deps.observer.gauge('passingAnswers', this.key, () => this.passing),
      deps.observer.gauge('unreadAnswers', this.key, () => this.unread.size),
      deps.observer.gauge('unreadBytes', this.key, () => this.unread.bytes),
      deps.peers?.attach({ key: this.key, ...this.sessions }) ?? (() => {}),
      this.bodies?.attach({
        all: () => this.sessions.all(),
        held: (id) => this.sessions.held(id),
        idleMs: () => port.graph.config.timeouts.sessionIdleMs,
      }) ?? (() => {}),
    ];
  }

  get bodies(): SessionBodies | undefined {
    return this.deps.bodies?.(this.key);
  }

  /** What another replica would need of it is new. */
  changed(session: LegacySession): void {
    this.deps.peers?.mirror(session);
    this.bodies?.changed(session);
  }

  /**
   * As `changed`, for what a client is about to be told: `act` runs once another replica knows it, so that what was said stays true when this one
   * ends in the next moment (EF-30). Not for ever: what cannot be copied, or not soon, is said all the same.
   */
  changedBefore(session: LegacySession, act: () => void): void {
    const { peers, clock } = this.deps;
    if (peers === undefined) {
      this.changed(session);
      act();
      return;
    }
    this.#copying++;
    let isOver = false;
    const go = (): void => {
      if (isOver) return;
      isOver = true;
      stop();
      this.#copying--;
      act();
    };
    const stop = clock.after(copyMs, go);
    const isOnItsWay = peers.mirror(session, go);
    this.bodies?.changed(session);
    if (!isOnItsWay) go();
  }

  get draining(): boolean {
    return this.#draining;
  }

  get scanLimits(): ScanLimits {
    const { jsonDepth, jsonNodes } = this.port.graph.config.limits;
    return { depth: jsonDepth, nodes: jsonNodes };
  }

  /** What this replica still owes: answers to come, to be taken, or to be given to clients that come back by way of another one. */
  get owed(): number {
    const { deps, port } = this;
    return (
      this.calls.size +
      this.forwards +
      this.#copying +
      this.unread.size +
      (deps.peers === undefined ? 0 : (port.parkedCalls ?? 0))
    );
  }

  /** What readers must keep up with. */
  get pace(): PaceLimits {
    return paceLimits(this.port.graph.config);
  }

  /** Sessions that were not opened through the store (pipes) hear of list changes as well. */
  readonly pipes = new Set<LegacySession>();

  /** No new work; open listen streams get their result. Calls in flight go on. */
  drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    this.endListening();
    this.letGo();
  }

  /** Clients that are bound to this replica connect again elsewhere, each as soon as nothing of its own is in flight. */
  letGo(): void {
    for (const one of this.attached) if (one.inFlight === 0) one.leave();
  }

  /** Open listen streams get their result. */
  endListening(): void {
    for (const one of this.listening) one.finish();
  }

  /** Ends everything at once. */
  retire(): void {
    this.drain();
    for (const undo of this.#undo) undo();
    for (const call of this.calls) call.abandon();
    for (const one of this.attached) one.leave();
    this.sessions.endAll();
    for (const pipe of this.pipes) pipe.close();
  }

  /** What another replica has by now is that one's to write. */
  #kept(session: LegacySession): void {
    if (this.sessions.held(session.id) === session) this.bodies?.changed(session);
  }

  #sessionEnded(session: LegacySession, how: SessionEnd): void {
    this.bodies?.gone(session, how);
    if (how === 'over') this.deps.peers?.ended(session);
    else this.deps.peers?.left(session, this.key);
    this.port.sessionEnded(session.id);
  }

  #sweep(): void {
    this.sessions.sweep();
    this.#sweepAttached();
    const now = this.deps.clock.monotonic();
    this.unread.sweep(now);
    const everyMs = this.port.graph.config.timeouts.keepAliveMs;
    const { pace } = this;
    for (const one of this.kept) {
      one.lookAtReader?.(now, pace);
      one.keepAlive(now, everyMs);
    }
    // Oldest first: the rest is younger still. A call that streams by now has its stream in `kept`.
    for (const call of this.calls) {
      if (now - call.startedMs < everyMs) break;
      call.isSlow();
    }
  }

  /** A transport may be switched off under its clients. */
  #sweepAttached(): void {
    const { transports } = this.port.graph.config;
    for (const one of this.attached)
      if (one.inFlight === 0 && (this.#draining || transports?.[one.transport] !== true)) one.leave();
  }

  #listsChanged(kinds: readonly ListKind[]): void {
    if (this.#draining) return;
    const changed = changedNotifications(kinds);
    for (const one of this.listening) one.listsChanged(changed);
    for (const { message } of changed) {
      for (const session of this.sessions.all()) session.notify(message);
      for (const pipe of this.pipes) pipe.notify(message);
    }
  }
}
