/**
 * Legacy sessions of one hub (2024-11-05 .. 2025-11-25): given out at `initialize`, found by their sealed id, ended by DELETE, idleness
 * or age.
 *
 * A sealed id names session, principal, hub, capabilities and issue time, so a replica that does not hold the session can still tell a
 * genuine id from a made-up one. The body (streams, calls in flight, log level) lives in memory here and is bounded by `limit`; a full
 * store refuses new sessions instead of ending old ones, since a stranger must not push a working client out.
 * Idle time counts only while no stream is open and no call in flight.
 */
import { createHash } from 'node:crypto';

import type { Clock } from '../base/index.ts';
import type { Principal } from '../exchange/index.ts';
import { LegacySession, type NewSession } from './legacy-session.ts';
import type { RandomBytes, Sealer } from './sealer.ts';

export interface SessionStoreOptions {
  /** `namespace/name` of the hub. */
  readonly hub: string;
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  /** Read at each use: a hot configuration may change them. */
  limits(): { readonly sessions: number; readonly idleMs: number };
  /** Runs once for every session that ends, whatever ended it. */
  onEnd(session: LegacySession): void;
}

export interface SessionStore {
  readonly size: number;
  all(): Iterable<LegacySession>;
  /** Undefined: the store is full. */
  create(wanted: NewSession): LegacySession | undefined;
  /** `ended`: genuine, but over. `foreign`: not an id that this hub gave to this principal. Both are 404 on the wire. */
  find(token: string, principal: Principal): LegacySession | 'ended' | 'foreign';
  end(session: LegacySession): void;
  /** Ends what has been idle or alive for too long. */
  sweep(): void;
  endAll(): void;
}

interface SealedSession {
  /** Session, principal digest, hub digest, capability digest, issue time, revision. */
  readonly s: string;
  readonly p: string;
  readonly h: string;
  readonly c: string;
  readonly t: number;
  readonly r: string;
}

const purpose = 'legacy-session';
/** However busy: an id that leaked long ago must be worth nothing. */
const maxAgeMs = 7 * 24 * 3_600_000;

export function createSessionStore(options: SessionStoreOptions): SessionStore {
  const { sealer, clock, randomBytes, limits, onEnd } = options;
  const hubDigest = digest(options.hub);
  const byToken = new Map<string, LegacySession>();

  const end = (session: LegacySession): void => {
    if (!byToken.delete(session.token)) return;
    session.close();
    onEnd(session);
  };
  const sweep = (): void => {
    const now = clock.monotonic();
    const { idleMs } = limits();
    for (const session of byToken.values())
      if (now - session.createdMs >= maxAgeMs || (!session.busy && now - session.lastUsedMs >= idleMs)) end(session);
  };

  return {
    get size() {
      return byToken.size;
    },
    all: () => byToken.values(),
    create(wanted) {
      if (byToken.size >= limits().sessions) sweep();
      if (byToken.size >= limits().sessions) return undefined;
      const id = randomBytes(16).toString('hex');
      const sealed: SealedSession = {
        s: id,
        p: digest(wanted.principal.id),
        h: hubDigest,
        c: digest(wanted.capabilities),
        t: clock.now(),
        r: wanted.revision,
      };
      const session = new LegacySession({ ...wanted, id, token: sealer.seal(purpose, sealed, maxAgeMs), clock });
      byToken.set(session.token, session);
      return session;
    },
    find(token, principal) {
      const session = byToken.get(token);
      if (session === undefined) {
        const sealed = sealer.open(purpose, token) as SealedSession | undefined;
        return sealed?.h === hubDigest && sealed.p === digest(principal.id) ? 'ended' : 'foreign';
      }
      if (session.caller.principal.id !== principal.id) return 'foreign';
      const now = clock.monotonic();
      if (now - session.createdMs >= maxAgeMs || (!session.busy && now - session.lastUsedMs >= limits().idleMs)) {
        end(session);
        return 'ended';
      }
      session.lastUsedMs = now;
      return session;
    },
    end,
    sweep,
    endAll() {
      for (const session of byToken.values()) end(session);
    },
  };
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}
