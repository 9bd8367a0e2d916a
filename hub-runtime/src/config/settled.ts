/** Has a server said what it has, or is it clear that it will not for now? */
import type { Upstream } from '../exchange/index.ts';

/** A lazy server nobody has asked for counts: it is where it should be. A failing one too; it is tried again in the background. */
export function isSettled(upstream: Upstream): boolean {
  if (upstream.listing !== undefined) return true;
  switch (upstream.state.phase) {
    case 'Degraded':
    case 'Draining':
    case 'Stopped':
      return true;
    case 'Pending':
      return isAsleep(upstream);
    case 'Starting':
    case 'Ready':
      return false;
  }
}

/** Lazy, and neither started nor listed yet. */
export function isAsleep(upstream: Upstream): boolean {
  return (
    upstream.config.lifecycle.start !== 'eager' && upstream.listing === undefined && upstream.state.phase === 'Pending'
  );
}
