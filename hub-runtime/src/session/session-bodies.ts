/**
 * What is kept of sessions outside of this process (`spec.sessions.store`), as the edge sees it. Absent where no store is configured.
 *
 * Nothing of it is ever waited for, but for a moment before a session is taken over: a store that is away costs what it would have kept.
 */
import type { LegacySession } from './legacy-session.ts';
import type { SessionEnd, SessionMirror } from './session-store.ts';

export interface SessionBodies {
  /** Something of it is new: it is written soon. */
  changed(session: LegacySession): void;
  /** It is not held here any more. Called while its streams are still there. */
  gone(session: LegacySession, how: SessionEnd): void;
  /** What is kept of one that is held nowhere; undefined when that is not known in time. Never rejects. */
  load(id: string): Promise<SessionMirror | 'ended' | undefined>;
  /** Those held here: written again when the store comes back, and kept from ending there. The returned function takes them off. */
  attach(held: HeldSessions): () => void;
}

export interface HeldSessions {
  all(): Iterable<LegacySession>;
  held(id: string): LegacySession | undefined;
  idleMs(): number;
}
