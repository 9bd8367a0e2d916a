/** Which log notifications of a server a request wants. */
import type { LaneExchange } from '../exchange/index.ts';

/** RFC 5424 severities, least severe first (specification, server/utilities/logging). */
const levels: readonly string[] = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'];

/**
 * Modern callers get logs only when the request asked, at its level and above. Legacy callers filter by their session, at the edge; a log
 * that arrived on their request's own stream belongs to them.
 */
export function isLogWanted(exchange: LaneExchange, level: string | undefined): boolean {
  const wanted = exchange.leg.logLevel;
  if (wanted === undefined) return exchange.caller.era === 'legacy';
  const at = level === undefined ? -1 : levels.indexOf(level);
  return at < 0 || at >= levels.indexOf(wanted);
}

/**
 * What a legacy server was told with `logging/setLevel`: the most talkative level any call wanted so far. Callers that want less are filtered
 * on the way back. Only for conversations of one client's own: a shared server is not told one client's wish.
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

  /** The session is a new one: it has been told nothing. */
  forget(): void {
    this.#told = levels.length;
    this.#telling = undefined;
  }
}
