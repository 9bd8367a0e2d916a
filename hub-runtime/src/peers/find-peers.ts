/**
 * Who the other replicas are when nobody says so and only addresses are known: each is asked.
 *
 * Runs while the operator is away. One that does not answer stays what it was said to be; one that has no address any more is forgotten when
 * it is dead. Whoever answers has the hub's key, for nobody else can be spoken to.
 */
import type { Peer, PeerAddress } from './peer-list.ts';

export interface FindPeersOptions {
  readonly ips: readonly string[];
  /** What is known already. */
  readonly told: readonly PeerAddress[];
  /** Where replicas listen for each other. */
  readonly port: number;
  readonly isDead: (uid: string) => boolean;
  /** Asks who is there; rejects when nobody answers. */
  readonly ask: (stranger: Peer) => Promise<unknown>;
}

const mostAsked = 64;
const mostUidChars = 256;

/** Undefined: nobody answered, and nobody is known. */
export async function findPeers(options: FindPeersOptions): Promise<readonly PeerAddress[] | undefined> {
  const { ips, told, isDead } = options;
  const answers = await Promise.all(ips.slice(0, mostAsked).map((ip) => who(ip, options)));
  const others = told.filter(({ ip, uid }) => !ips.includes(ip) && !isDead(uid));
  const found = [...answers.flatMap((one) => one ?? []), ...others];
  return found.length === 0 ? undefined : found;
}

async function who(ip: string, { told, port: usual, ask }: FindPeersOptions): Promise<PeerAddress | undefined> {
  const known = told.find((one) => one.ip === ip);
  const { port = usual } = known ?? {};
  const stranger = { id: '', name: ip, origin: `https://${ip.includes(':') ? `[${ip}]` : ip}:${port}` };
  // Twice, if it is not known at all: to go on without somebody costs the sessions that only they know of.
  for (let tries = known === undefined ? 2 : 1; tries > 0; tries--) {
    try {
      const { uid } = (await ask(stranger)) as { uid?: unknown };
      if (typeof uid !== 'string' || uid === '' || uid.length > mostUidChars) return known;
      return uid === known?.uid ? known : { name: ip, uid, ip, port };
    } catch {
      // It may be on its way out.
    }
  }
  return known;
}
