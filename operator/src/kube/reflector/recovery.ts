/**
 * The failure table of a watch: what each failure means for the next step. Pure, so that the table can be read and tested as one.
 *
 * | Failure                                   | Next step                                                        |
 * | 410, as status or inside an ERROR event   | read everything again from the latest, at once the first time    |
 * | version lies in the server's future       | wait, then read everything again (etcd restore)                  |
 * | streaming list not understood (400, 422)  | paged list from now on, at once                                  |
 * | silence in a streaming list               | paged list this once                                             |
 * | 404                                       | ask discovery whether the kind is gone; read everything again    |
 * | malformed event, other ERROR event        | watch again from the last good version; relist when it repeats   |
 * | everything else (network, 429, 5xx, 401)  | wait (Retry-After at least), watch again from the last version   |
 */
import { isExpired, isStatus, isVersionTooLarge, KubeError } from '../transport/index.ts';

export interface Recovery {
  /** A bounded word for metrics. */
  readonly reason: string;
  readonly relist?: boolean;
  readonly noStreaming?: boolean;
  readonly listNext?: boolean;
  readonly checkKind?: boolean;
  /** The wait may end at any sign of life of the API server. */
  readonly untilAlive?: boolean;
  /** The first failure of a series needs no wait. */
  readonly atOnce?: boolean;
}

/** After so many failures in a row the last version is not trusted any more: a poisoned event would repeat for ever. */
const distrustAfter = 3;

export function recoveryFor(
  error: unknown,
  context: { readonly initial: boolean; readonly failures: number },
): Recovery {
  const repeated = context.failures + 1 >= distrustAfter;
  if (!(error instanceof KubeError)) return { reason: 'internal', relist: true };
  if (isExpired(error)) return { reason: 'expired', relist: true, atOnce: true };
  if (isVersionTooLarge(error)) return { reason: 'version too large', relist: true };
  if (context.initial && (isStatus(error, 422) || isStatus(error, 400))) {
    return { reason: 'no streaming list', noStreaming: true, atOnce: true };
  }
  if (isStatus(error, 404)) return { reason: 'not found', checkKind: true, relist: true };
  if (error.code === 'KUBE_TIMEOUT')
    return { reason: 'silent', listNext: context.initial, atOnce: true, untilAlive: true };
  if (error.code === 'KUBE_PROTOCOL') return { reason: 'malformed', relist: repeated, listNext: context.initial };
  if (error.code === 'KUBE_NETWORK') {
    return error.reason === 'ShortWatch' ? { reason: 'short watch' } : { reason: 'network', untilAlive: true };
  }
  if (error.code === 'KUBE_STATUS')
    return { reason: `status ${statusClass(error.status)}`, relist: repeated && error.status === 500 };
  return { reason: 'other' };
}

function statusClass(status: number): string {
  return status === 401 || status === 403 || status === 429 ? String(status) : `${Math.trunc(status / 100)}xx`;
}
