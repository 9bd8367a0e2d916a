/** Which log notifications of a server a request wants. */
import type { Exchange } from '../exchange/index.ts';

/** RFC 5424 severities, least severe first (specification, server/utilities/logging). */
const levels: readonly string[] = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'];

/**
 * Modern callers get logs only when the request asked, at its level and above. Legacy callers filter by their session, at the edge; a log
 * that arrived on their request's own stream belongs to them.
 */
export function isLogWanted(exchange: Exchange, level: string | undefined): boolean {
  const wanted = exchange.leg.logLevel;
  if (wanted === undefined) return exchange.caller.era === 'legacy';
  const at = level === undefined ? -1 : levels.indexOf(level);
  return at < 0 || at >= levels.indexOf(wanted);
}
