/** Which log notifications of a server a request wants. */
import type { LaneExchange, SessionRef } from '../exchange/index.ts';

/** RFC 5424 severities, least severe first (specification, server/utilities/logging). */
const levels: readonly string[] = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'];

/** What a client that named no level gets of a server that others made talkative. */
const usual = 'info';

/**
 * Modern callers get logs only when the request asked, at its level and above. A log that arrived on a legacy request's own stream belongs to it:
 * without a level everything does, but what only others asked for (`isShared`: the server was told the most talkative level of all).
 */
export function isLogWanted(exchange: LaneExchange, level: string | undefined, isShared = false): boolean {
  const wanted = exchange.leg.logLevel;
  if (wanted !== undefined) return isAtLeast(level, wanted);
  return exchange.caller.era === 'legacy' && (!isShared || isAtLeast(level, usual));
}

/** Of a session, outside its requests. */
export function isLogForSession(session: SessionRef, level: string | undefined): boolean {
  return session.logLevel === undefined || isAtLeast(level, session.logLevel);
}

/** A level nobody knows is kept from nobody. */
function isAtLeast(level: string | undefined, wanted: string): boolean {
  const at = level === undefined ? -1 : levels.indexOf(level);
  return at < 0 || at >= levels.indexOf(wanted);
}

/**
 * What a legacy server was told with `logging/setLevel`: the most talkative level any call wanted so far, or, where it belongs to one session, what
 * that session wants now. Callers that want less are filtered on the way back. Not for a shared child on a pipe: what that logs belongs to nobody.
 */
export class ToldLogLevel {
  #told = levels.length;
  #telling: Promise<void> | undefined;

  /** Resolves when the server knows; undefined: nothing to wait for. `tell` never rejects. */
  ensure(wanted: string | undefined, tell: (level: string) => Promise<unknown>): Promise<void> | undefined {
    if (wanted === undefined) return undefined;
    const at = levels.indexOf(wanted);
    if (at < 0 || at >= this.#told) return this.#telling;
    this.#told = at;
    const telling = tell(wanted).then(() => {
      if (this.#telling === telling) this.#telling = undefined;
    });
    this.#telling = telling;
    return telling;
  }

  /** The one session it belongs to wants exactly this from now on. */
  exactly(wanted: string, tell: (level: string) => Promise<unknown>): void {
    if (levels.indexOf(wanted) === this.#told) return;
    this.forget();
    void this.ensure(wanted, tell);
  }

  /** Others than its client may have made it talkative. */
  get wasTold(): boolean {
    return this.#told < levels.length;
  }

  /** The session is a new one: it has been told nothing. */
  forget(): void {
    this.#told = levels.length;
    this.#telling = undefined;
  }
}
