/** The slow path of a call: there is no room for it. It waits for its turn, or its client learns what was too much and when to come again. */
import { type Caller, type ErrorOutcome, type Exchange, hubError } from '../exchange/index.ts';
import type { Observer } from '../observe/index.ts';
import { type Admission, type ClientKey, type Refusal, Share } from './admission.ts';

const words: Readonly<Record<Refusal['by'], string>> = {
  inFlight: 'calls in flight',
  inFlightPerClient: 'calls in flight of one client',
  queue: 'calls that wait for their turn',
  queueBytes: 'bytes of calls that wait for their turn',
  queueMs: 'milliseconds that a call waits for its turn',
};

/** Whose turn it is: of a session, a principal, or, where neither is known, a connection. */
export function clientOf({ session, principal, connection }: Caller): ClientKey {
  if (session !== undefined) return session.id;
  return principal.kind === 'anonymous' ? (connection ?? principal.id) : principal.id;
}

export async function takeTurn(
  admission: Admission,
  client: ClientKey,
  { params, leg }: Pick<Exchange, 'params' | 'leg'>,
  observer: Pick<Observer, 'count'>,
): Promise<Share | ErrorOutcome> {
  const turn = await admission.wait(client, params?.raw.length ?? 0, leg.cancellation);
  if (turn instanceof Share) return turn;
  if (turn === 'cancelled') return hubError('QM_CANCELLED');
  observer.count('limitRejections', turn.by);
  const code = turn.own ? 'QM_CLIENT_OVERLOADED' : 'QM_OVERLOADED';
  return hubError(code, { limit: turn.limit, what: words[turn.by] }, turn.retryAfterMs);
}
