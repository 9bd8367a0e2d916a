/**
 * Counts refused connections and says why in the log, once per reason in a while: whoever floods the listener floods no log.
 * Fields are names and addresses only; never a header, a token or a message.
 */
import type { Clock, Logger } from 'quaymaster/base';

import type { ControlMetrics } from './control-metrics.ts';

export type Rejection =
  | 'tls'
  | 'path'
  | 'handshake'
  | 'tooMany'
  | 'notLeader'
  | 'noToken'
  | 'token'
  | 'audience'
  | 'notAPod'
  | 'reviewFailed'
  | 'noHello'
  | 'wrongPod'
  | 'notAllowed'
  | 'unknownHub'
  | 'tooManyOfHub'
  | 'unsupported'
  | 'malformed'
  | 'tooLarge'
  | 'replaced'
  | 'silent'
  | 'slow'
  | 'documentTooLarge';

export interface Rejections {
  reject(reason: Rejection, fields: Readonly<Record<string, string | number | undefined>>): void;
}

/** Part of ordinary life: hubs look for the leader, Pods go. */
const quiet: ReadonlySet<Rejection> = new Set(['notLeader', 'replaced']);
const everyMs = 10_000;

export function createRejections(deps: {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: ControlMetrics;
}): Rejections {
  const { clock, logger, metrics } = deps;
  const last = new Map<Rejection, { at: number; unsaid: number }>();
  return {
    reject(reason, fields) {
      metrics.count('quaymaster_control_rejected_total', { reason });
      if (quiet.has(reason)) return logger.debug({ ...fields, reason }, 'control stream refused');
      const now = clock.monotonic();
      const before = last.get(reason);
      if (before !== undefined && now - before.at < everyMs) {
        before.unsaid += 1;
        return;
      }
      last.set(reason, { at: now, unsaid: 0 });
      logger.warn({ ...fields, reason, more: before?.unsaid ?? 0 }, 'control stream refused');
    },
  };
}
