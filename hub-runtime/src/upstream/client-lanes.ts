/**
 * Conversations of single clients (`instances.mode: perClient`): one per legacy session, or per principal for modern callers.
 *
 * Opened by the first call, one attempt at a time; ended with its session, or after five idle minutes; at most `instances.max` at once. At
 * the limit the one that has been idle longest makes room, but none that was used within the last minute: taking a client's state away
 * silently is worse than telling the newcomer to come back.
 */
import { type Clock, serverName } from '../base/index.ts';
import { type Caller, hubError, type LaneCall, type Outcome } from '../exchange/index.ts';
import { emptyObject, relayedCapabilities } from '../wire/index.ts';
import type { Conversation } from './conversation.ts';

export const clientLimits = {
  /** A conversation without calls is ended after this, milliseconds. */
  idleMs: 5 * 60_000,
  /** Only those idle for this long make room for others, milliseconds. */
  evictableMs: 60_000,
  sweepMs: 15_000,
  /** After a failed start the next call fails at once for this long, milliseconds. */
  failedMs: 1_000,
} as const;

export interface ClientLanesOptions {
  readonly clock: Clock;
  /** Server key. */
  readonly server: string;
  readonly max: () => number;
  /** Opens a conversation for the caller. Rejects with an Error whose message may be shown. */
  readonly open: (caller: Caller, resend: (call: LaneCall) => Promise<Outcome> | undefined) => Promise<Conversation>;
  /** A conversation was ended with calls still in flight on it. */
  readonly retired: (conversation: Conversation) => void;
  /** A conversation stands; called before its first call. */
  readonly opened?: ((key: string, conversation: Conversation, caller: Caller) => void) | undefined;
  /** It is wanted although nobody calls. */
  readonly isHeld?: ((key: string) => boolean) | undefined;
  /** The conversation of a client ended by itself. */
  readonly ended?: ((caller: Caller) => void) | undefined;
}

interface Entry {
  conversation: Conversation | undefined;
  opening: Promise<Conversation | undefined> | undefined;
  usedAt: number;
  failedAt: number;
  failure: string;
}

export class ClientLanes {
  readonly #options: ClientLanesOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #resent = new WeakSet<LaneCall>();
  #stopSweep: (() => void) | undefined;

  constructor(options: ClientLanesOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  get inFlight(): number {
    let sum = 0;
    for (const { conversation } of this.#entries.values()) sum += conversation?.inFlight ?? 0;
    return sum;
  }

  /** `key`: of another conversation than the caller's own. */
  send(caller: Caller, call: LaneCall, key: string = keyOf(caller)): Promise<Outcome> {
    const entry = this.#entries.get(key);
    const now = this.#options.clock.monotonic();
    if (entry?.conversation !== undefined) {
      entry.usedAt = now;
      return entry.conversation.send(call);
    }
    return this.#sendOpening(key, caller, call, entry, now);
  }

  conversation(key: string): Conversation | undefined {
    return this.#entries.get(key)?.conversation;
  }

  /** The conversation under this key, opened if need be. Undefined: it cannot be. */
  async ready(caller: Caller, key: string): Promise<Conversation | undefined> {
    const now = this.#options.clock.monotonic();
    const entry = this.#entryFor(key, this.#entries.get(key), now);
    if (entry === undefined) return undefined;
    if (entry.conversation !== undefined) return entry.conversation;
    if (entry.opening === undefined && now - entry.failedAt >= clientLimits.failedMs) this.#open(key, entry, caller);
    return entry.opening;
  }

  /** There is a conversation under this key, or there can be one. */
  hasRoomFor(key: string): boolean {
    if (this.#entries.has(key) || this.#entries.size < this.#options.max()) return true;
    return this.#evictable(this.#options.clock.monotonic()) !== undefined;
  }

  /** Calls in flight under this key. */
  inFlightOf(key: string): number {
    const entry = this.#entries.get(key);
    if (entry === undefined) return 0;
    return entry.opening === undefined ? (entry.conversation?.inFlight ?? 0) : 1;
  }

  notify(key: string, method: string, params: Parameters<NonNullable<Conversation['notify']>>[1]): void {
    this.#entries.get(key)?.conversation?.notify?.(method, params);
  }

  sessionEnded(sessionId: string): void {
    this.#drop(sessionKey(sessionId), 'its session ended');
  }

  async closeAll(reason: string): Promise<void> {
    this.#stopSweep?.();
    this.#stopSweep = undefined;
    const open = [...this.#entries.values()];
    this.#entries.clear();
    await Promise.all(
      open.map(async (entry) => {
        const conversation = entry.conversation ?? (await entry.opening);
        await conversation?.close(reason);
      }),
    );
  }

  async #sendOpening(
    key: string,
    caller: Caller,
    call: LaneCall,
    known: Entry | undefined,
    now: number,
  ): Promise<Outcome> {
    const entry = this.#entryFor(key, known, now);
    if (entry === undefined) {
      const what = `conversations of clients with server "${serverName(this.#options.server)}"`;
      return hubError('QM_OVERLOADED', { limit: this.#options.max(), what });
    }
    if (entry.opening === undefined && now - entry.failedAt >= clientLimits.failedMs) this.#open(key, entry, caller);
    const conversation = await entry.opening;
    const { cancellation } = call.exchange.leg;
    if (cancellation.cancelled) return hubError('QM_CANCELLED');
    if (conversation === undefined)
      return hubError('QM_SERVER_FAILED', { server: this.#options.server, reason: entry.failure });
    return conversation.send(call);
  }

  /** Undefined: there is no room. */
  #entryFor(key: string, known: Entry | undefined, now: number): Entry | undefined {
    if (known !== undefined) {
      known.usedAt = now;
      return known;
    }
    if (this.#entries.size >= this.#options.max() && !this.#makeRoom(now)) return undefined;
    const entry: Entry = {
      conversation: undefined,
      opening: undefined,
      usedAt: now,
      failedAt: -Infinity,
      failure: '',
    };
    this.#entries.set(key, entry);
    this.#stopSweep ??= this.#options.clock.every(clientLimits.sweepMs, () => this.#sweep());
    return entry;
  }

  #open(key: string, entry: Entry, caller: Caller): void {
    const resend = (call: LaneCall): Promise<Outcome> | undefined => {
      if (this.#resent.has(call)) return undefined;
      this.#resent.add(call);
      return this.send(caller, call, key);
    };
    entry.opening = this.#options
      .open(caller, resend)
      .then(
        async (conversation) => {
          if (this.#entries.get(key) !== entry) {
            await conversation.close('nobody waits for it any more');
            return undefined;
          }
          entry.conversation = conversation;
          this.#options.opened?.(key, conversation, caller);
          conversation.onClosed(() => this.#ended(key, entry, conversation, caller));
          return conversation;
        },
        (error: unknown) => {
          entry.failedAt = this.#options.clock.monotonic();
          entry.failure = error instanceof Error ? error.message : 'it could not be started';
          return undefined;
        },
      )
      .finally(() => {
        entry.opening = undefined;
      });
  }

  #ended(key: string, entry: Entry, conversation: Conversation, caller: Caller): void {
    if (this.#entries.get(key) === entry) {
      this.#entries.delete(key);
      this.#options.ended?.(caller);
    }
    if (conversation.inFlight > 0) this.#options.retired(conversation);
  }

  #makeRoom(now: number): boolean {
    const oldest = this.#evictable(now);
    if (oldest === undefined) return false;
    this.#drop(oldest, 'made room for another client');
    return true;
  }

  #evictable(now: number): string | undefined {
    let oldest: string | undefined;
    let usedAt = Infinity;
    for (const [key, entry] of this.#entries) {
      if (!isIdle(entry) || this.#options.isHeld?.(key) === true) continue;
      // What never came up holds no state that could be lost.
      const since = entry.conversation === undefined ? -Infinity : entry.usedAt;
      if (oldest !== undefined && since >= usedAt) continue;
      oldest = key;
      usedAt = since;
    }
    return now - usedAt < clientLimits.evictableMs ? undefined : oldest;
  }

  #sweep(): void {
    const now = this.#options.clock.monotonic();
    for (const [key, entry] of this.#entries) {
      if (isIdle(entry) && this.#options.isHeld?.(key) !== true && now - entry.usedAt >= clientLimits.idleMs)
        this.#drop(key, 'idle');
    }
    if (this.#entries.size > 0) return;
    this.#stopSweep?.();
    this.#stopSweep = undefined;
  }

  #drop(key: string, reason: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    void entry.conversation?.close(reason);
  }
}

function isIdle(entry: Entry): boolean {
  return entry.opening === undefined && (entry.conversation?.inFlight ?? 0) === 0;
}

/**
 * Callers without a session share what their principal has, as far as they declared the same: a legacy server is told once, for the whole
 * conversation, what its client can do.
 */
export function keyOf(caller: Caller): string {
  const { session, principal, capabilities } = caller;
  if (session !== undefined) return plainKeyOf(caller);
  const declared = relayedCapabilities(capabilities);
  return declared === emptyObject ? `principal ${principal.id}` : `principal ${principal.id} ${declared}`;
}

/** A modern server is told with every request. */
export function plainKeyOf({ session, principal }: Caller): string {
  return session === undefined ? `principal ${principal.id}` : sessionKey(session.id);
}

function sessionKey(id: string): string {
  return `session ${id}`;
}
