/**
 * Which replica goes on with a session when its owner is gone: everybody who knows the same replicas comes to the same answer, without
 * talking (rendezvous hashing). One that comes or goes changes the answer only for the sessions it wins or held.
 */
import { createHash } from 'node:crypto';

/** The order of replicas for one session is that of these, highest first. */
export function peerScore(session: string, replica: string): string {
  return createHash('sha256').update(`${session}\n${replica}`).digest('hex');
}

/** The winner; undefined for nobody. */
export function bestPeer(session: string, replicas: Iterable<string>): string | undefined {
  let best: string | undefined;
  let highest = '';
  for (const replica of replicas) {
    const score = peerScore(session, replica);
    if (score <= highest) continue;
    highest = score;
    best = replica;
  }
  return best;
}
