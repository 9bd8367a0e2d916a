/**
 * Sessions of legacy callers: ids, streams, calls in flight, subscriptions. Bounded in number; idle ones end.
 *
 * A session ends with the child it was opened on: a new child knows nothing of it, and a 404 makes the hub open another one and list again.
 */
import type { Clock } from '../base/index.ts';
import { SessionQuestions } from '../session/index.ts';
import { emptyObject, type RawJson } from '../wire/index.ts';
import type { BridgeCall } from './bridge-call.ts';
import type { BridgeLimits } from './limits.ts';
import type { Reply } from './reply.ts';

export interface BridgeSession {
  readonly id: string;
  /** Whose child it speaks to; undefined: the shared one. */
  readonly owner: string | undefined;
  /** What its client declared, raw. */
  readonly capabilities: RawJson;
  /** Questions of the child that wait for this caller. */
  readonly questions: SessionQuestions;
  /** By `idKey`. */
  readonly calls: Map<string, BridgeCall>;
  /** Newest last. */
  readonly streams: Reply[];
  /** URIs, byte form. */
  readonly subscriptions: Set<string>;
  usedAt: number;
}

export interface BridgeSessionsDeps {
  readonly limits: BridgeLimits;
  readonly clock: Clock;
  /** Unguessable. */
  readonly newId: () => string;
  /** A session ended; it is not in the store any more. */
  readonly ended: (session: BridgeSession) => void;
}

export class BridgeSessions {
  readonly #deps: BridgeSessionsDeps;
  readonly #sessions = new Map<string, BridgeSession>();

  constructor(deps: BridgeSessionsDeps) {
    this.#deps = deps;
  }

  get size(): number {
    return this.#sessions.size;
  }

  get all(): Iterable<BridgeSession> {
    return this.#sessions.values();
  }

  /** Undefined at the limit, when none of the others has been idle for a minute. */
  create(owner: string | undefined, capabilities: RawJson = emptyObject): BridgeSession | undefined {
    if (this.#sessions.size >= this.#deps.limits.sessions && !this.#makeRoom()) return undefined;
    const { clock, limits, newId } = this.#deps;
    const session: BridgeSession = {
      id: newId(),
      owner,
      capabilities,
      questions: new SessionQuestions({ clock, waitMs: () => limits.callMs, prefix: 'bridge-' }),
      calls: new Map(),
      streams: [],
      subscriptions: new Set(),
      usedAt: this.#deps.clock.monotonic(),
    };
    this.#sessions.set(session.id, session);
    return session;
  }

  find(id: string): BridgeSession | undefined {
    const session = this.#sessions.get(id);
    if (session !== undefined) session.usedAt = this.#deps.clock.monotonic();
    return session;
  }

  /** Another session speaks to the same child. */
  isShared(owner: string): boolean {
    for (const session of this.#sessions.values()) if (session.owner === owner) return true;
    return false;
  }

  /** To the newest stream of the session. Without one, to the only call in flight: a caller that does not listen still reads its answers. */
  tell(session: BridgeSession, message: RawJson): void {
    const stream = session.streams.at(-1);
    if (stream !== undefined) stream.notify(message);
    else if (session.calls.size === 1) for (const call of session.calls.values()) call.notify(message);
  }

  /** `reason` is told to the child for calls in flight; undefined: the child is gone and has answered them by that. */
  end(session: BridgeSession, reason: string | undefined): void {
    if (!this.#sessions.delete(session.id)) return;
    if (reason !== undefined) for (const call of session.calls.values()) call.cancellation.cancel(reason);
    session.questions.close();
    for (const stream of session.streams.splice(0)) stream.empty(200);
    this.#deps.ended(session);
  }

  endWhere(matches: (session: BridgeSession) => boolean, reason: string | undefined): void {
    for (const session of this.#sessions.values()) if (matches(session)) this.end(session, reason);
  }

  sweep(): void {
    const before = this.#deps.clock.monotonic() - this.#deps.limits.sessionIdleMs;
    this.endWhere((session) => isIdle(session) && session.usedAt < before, 'idle');
  }

  #makeRoom(): boolean {
    let oldest: BridgeSession | undefined;
    for (const session of this.#sessions.values())
      if (isIdle(session) && (oldest === undefined || session.usedAt < oldest.usedAt)) oldest = session;
    if (oldest === undefined || this.#deps.clock.monotonic() - oldest.usedAt < 60_000) return false;
    this.end(oldest, 'made room for another');
    return true;
  }
}

function isIdle(session: BridgeSession): boolean {
  if (session.streams.length > 0) return false;
  for (const call of session.calls.values()) if (!call.abandoned) return false;
  return true;
}
