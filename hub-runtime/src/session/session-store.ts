/**
 * Legacy sessions of one hub (2024-11-05 .. 2025-11-25) that this replica holds: given out at `initialize`, found by their sealed id, ended
 * by DELETE, idleness or age; taken over from another replica, or let go to one.
 *
 * A sealed id names session, principal, hub, capabilities, revision, issue time and the replica that gave it out, so a replica that does
 * not hold the session can still tell a genuine id from a made-up one, and whom to ask. The body (streams, calls in flight, log level)
 * lives in memory here and is bounded by `limit`; a full store refuses new sessions instead of ending old ones, since a stranger must not
 * push a working client out. Idle time counts only while no stream is open and no call in flight.
 */
import { createHash } from 'node:crypto';

import type { Clock } from '../base/index.ts';
import type { Principal } from '../exchange/index.ts';
import { emptyObject, type RawJson } from '../wire/index.ts';
import { type AskOptions, LegacySession, type NewSession } from './legacy-session.ts';
import type { StreamCopy } from './replay-copy.ts';
import type { RandomBytes, Sealer } from './sealer.ts';

export interface SessionStoreOptions {
  /** `namespace/name` of the hub. */
  readonly hub: string;
  /** Names this replica in the ids it gives out. */
  readonly owner: string;
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  /** Read at each use: a hot configuration may change them. */
  limits(): { readonly sessions: number; readonly idleMs: number };
  /** How clients are asked. */
  readonly asking?: AskOptions;
  /** Runs once for every session that this replica no longer has, whatever the reason; its streams are still there if another may want them. */
  onEnd(session: LegacySession, end: SessionEnd): void;
}

/** `over`: the client or its silence ended it. `left`: another replica has it. `closed`: this process ends. */
export type SessionEnd = 'over' | 'left' | 'closed';

/** A genuine id of this principal whose session is not held here: somewhere else, lost, or over. */
export interface AbsentSession {
  readonly token: string;
  readonly id: string;
  readonly owner: string;
  readonly revision: string;
  readonly capabilityDigest: string;
  readonly issuedMs: number;
  /** Wall clock milliseconds after which the id is worth nothing. */
  readonly expiresMs: number;
}

/** What another replica needs to go on with a session, beside its id. */
export interface SessionMirror {
  readonly id: string;
  readonly capabilities: string;
  readonly clientInfo: string | undefined;
  readonly logLevel: string | undefined;
  /** URIs, as its client knows them, byte form. */
  readonly subscriptions?: readonly string[];
  /** Streams its client may come back for. */
  readonly streams?: readonly StreamCopy[];
}

export interface SessionStore {
  readonly size: number;
  all(): Iterable<LegacySession>;
  /** By internal id. */
  held(id: string): LegacySession | undefined;
  /** Undefined: the store is full. */
  create(wanted: NewSession): LegacySession | undefined;
  /** `foreign`: not an id that this hub gave to this principal; 404 on the wire. */
  find(token: string, principal: Principal): LegacySession | AbsentSession | 'foreign';
  /**
   * Goes on with a session of another replica under the id its client has. `lost`: what its client can do is not known any more.
   * A mirror is believed only as far as the sealed id bears it out.
   */
  adopt(
    absent: AbsentSession,
    principal: Principal,
    mirror: SessionMirror | undefined,
  ): LegacySession | 'lost' | 'full';
  /** Another replica goes on with it: no new work here, streams end, calls in flight still answer. */
  release(session: LegacySession): void;
  /** One that was let go and still has calls here. */
  released(id: string): LegacySession | undefined;
  /** Cancels a call that still runs in a session that was let go. */
  cancelReleased(id: string, callKey: string): void;
  /** Ends one that was let go: its calls are cancelled. */
  endReleased(id: string): void;
  end(session: LegacySession): void;
  /** Ends what has been idle or alive for too long. */
  sweep(): void;
  endAll(): void;
}

interface SealedSession {
  /** Session, principal digest, hub digest, capability digest, owner, issue time, revision. */
  readonly s: string;
  readonly p: string;
  readonly h: string;
  readonly c: string;
  readonly o: string;
  readonly t: number;
  readonly r: string;
}

const purpose = 'legacy-session';
/** However busy: an id that leaked long ago must be worth nothing. */
const maxAgeMs = 7 * 24 * 3_600_000;

export function createSessionStore(options: SessionStoreOptions): SessionStore {
  const { sealer, clock, randomBytes, limits, onEnd, owner } = options;
  const hubDigest = sessionDigest(options.hub);
  const asking = options.asking === undefined ? {} : { asking: options.asking };
  const byToken = new Map<string, LegacySession>();
  const byId = new Map<string, LegacySession>();
  /** Let go, with calls that still run. */
  const released = new Set<LegacySession>();

  const keep = (session: LegacySession): LegacySession => {
    byToken.set(session.token, session);
    byId.set(session.id, session);
    return session;
  };
  const drop = (session: LegacySession): boolean => {
    byId.delete(session.id);
    return byToken.delete(session.token);
  };
  const end = (session: LegacySession, how: SessionEnd = 'over'): void => {
    if (!drop(session)) return;
    if (how === 'over') session.close();
    onEnd(session, how);
    session.close();
  };
  const letGo = (session: LegacySession): void => {
    if (!released.delete(session)) return;
    onEnd(session, 'left');
    session.close();
  };
  const isOver = (session: LegacySession, now: number): boolean =>
    now - session.createdMs >= maxAgeMs || (!session.busy && now - session.lastUsedMs >= limits().idleMs);
  const sweep = (): void => {
    const now = clock.monotonic();
    for (const session of byToken.values()) {
      if (isOver(session, now)) end(session);
      else session.sweep();
    }
    for (const session of released) if (session.calls.size === 0) letGo(session);
  };
  const isFull = (): boolean => {
    if (byToken.size + released.size >= limits().sessions) sweep();
    return byToken.size + released.size >= limits().sessions;
  };

  return {
    get size() {
      return byToken.size;
    },
    all: () => byToken.values(),
    held: (id) => byId.get(id),
    create(wanted) {
      if (isFull()) return undefined;
      const id = randomBytes(16).toString('hex');
      const sealed: SealedSession = {
        s: id,
        p: sessionDigest(wanted.principal.id),
        h: hubDigest,
        c: sessionDigest(wanted.capabilities),
        o: owner,
        t: clock.now(),
        r: wanted.revision,
      };
      const token = sealer.seal(purpose, sealed, maxAgeMs);
      return keep(new LegacySession({ ...wanted, ...asking, id, token, clock, expiresMs: sealed.t + maxAgeMs }));
    },
    find(token, principal) {
      const session = byToken.get(token);
      if (session === undefined) return absentOf(token, sealer.open(purpose, token), hubDigest, principal);
      if (session.caller.principal.id !== principal.id) return 'foreign';
      const now = clock.monotonic();
      if (isOver(session, now)) {
        end(session);
        return absentOf(token, sealer.open(purpose, token), hubDigest, principal);
      }
      session.lastUsedMs = now;
      return session;
    },
    adopt(absent, principal, mirror) {
      const held = byId.get(absent.id);
      if (held !== undefined) return held;
      const capabilities = [mirror?.capabilities, emptyObject].find(
        (one) => one !== undefined && sessionDigest(one) === absent.capabilityDigest,
      );
      if (capabilities === undefined) return 'lost';
      if (isFull()) return 'full';
      const { id, token, revision } = absent;
      const session = new LegacySession({
        ...asking,
        id,
        token,
        principal,
        revision,
        capabilities: capabilities as RawJson,
        clientInfo: mirror?.clientInfo as RawJson | undefined,
        clock,
        ageMs: Math.max(0, clock.now() - absent.issuedMs),
        expiresMs: absent.expiresMs,
      });
      session.logLevel = mirror?.logLevel;
      session.missedChanges = true;
      session.restoreStreams(mirror?.streams ?? []);
      return keep(session);
    },
    release(session) {
      if (!drop(session)) return;
      released.add(session);
      session.leave();
      if (session.calls.size === 0) letGo(session);
    },
    released: (id) => [...released].find((session) => session.id === id),
    cancelReleased(id, callKey) {
      for (const session of released)
        if (session.id === id) session.calls.get(callKey)?.cancellation.cancel('client-cancelled');
    },
    endReleased(id) {
      for (const session of released)
        if (session.id === id) {
          session.close();
          letGo(session);
        }
    },
    end: (session) => end(session),
    sweep,
    endAll() {
      for (const session of byToken.values()) end(session, 'closed');
      for (const session of released) letGo(session);
    },
  };
}

function absentOf(token: string, opened: unknown, hubDigest: string, principal: Principal): AbsentSession | 'foreign' {
  const sealed = opened as SealedSession | undefined;
  if (sealed?.h !== hubDigest || sealed.p !== sessionDigest(principal.id)) return 'foreign';
  const { s: id, o: owner, r: revision, c: capabilityDigest, t: issuedMs } = sealed;
  return { token, id, owner, revision, capabilityDigest, issuedMs, expiresMs: issuedMs + maxAgeMs };
}

/** 132 bits of SHA-256: names a thing in a sealed id, and says nothing about it. */
export function sessionDigest(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}
