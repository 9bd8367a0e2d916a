/**
 * The replicas that are known, and how they do: named by the operator, found unreachable by us, leaving by their own word.
 *
 * What the operator says replaces what it said before; when it says nothing for a while, the last word stands. A replica that cannot be
 * reached is passed over for a short while and then tried again, so that a mistake mends itself.
 */
import type { Clock } from '../base/index.ts';
import { sessionDigest } from '../session/index.ts';
import { bestPeer } from './rendezvous.ts';

/** As the operator says it; `port` only where replicas do not all use the same. */
export interface PeerAddress {
  readonly name: string;
  readonly uid: string;
  readonly ip: string;
  readonly port?: number;
}

export interface Peer {
  /** Digest that names it in session ids. */
  readonly id: string;
  readonly name: string;
  readonly origin: string;
}

/** How long one that could not be reached is passed over. */
const suspectMs = 2_000;
const mostPeers = 256;

export class PeerList {
  readonly self: string;
  readonly #clock: Clock;
  readonly #port: number;
  #peers = new Map<string, Peer>();
  #known = false;
  readonly #suspects = new Map<string, number>();
  readonly #leaving = new Set<string>();

  constructor(self: string, port: number, clock: Clock) {
    this.self = self;
    this.#port = port;
    this.#clock = clock;
  }

  /** Somebody has said who the others are. */
  get known(): boolean {
    return this.#known;
  }

  update(addresses: readonly PeerAddress[]): void {
    const peers = new Map<string, Peer>();
    for (const { name, uid, ip, port = this.#port } of addresses.slice(0, mostPeers)) {
      const id = sessionDigest(uid);
      if (id === this.self || ip === '') continue;
      peers.set(id, { id, name, origin: `https://${ip.includes(':') ? `[${ip}]` : ip}:${port}` });
    }
    this.#peers = peers;
    this.#known = true;
    for (const id of this.#suspects.keys()) if (!peers.has(id)) this.#suspects.delete(id);
    for (const id of this.#leaving) if (!peers.has(id)) this.#leaving.delete(id);
  }

  get(id: string): Peer | undefined {
    return this.#peers.get(id);
  }

  all(): Iterable<Peer> {
    return this.#peers.values();
  }

  suspect(id: string): void {
    if (this.#peers.has(id)) this.#suspects.set(id, this.#clock.monotonic() + suspectMs);
  }

  /** Another replica has just heard from it. */
  trust(id: string): void {
    this.#suspects.delete(id);
  }

  isSuspect(id: string): boolean {
    const until = this.#suspects.get(id);
    if (until === undefined) return false;
    if (this.#clock.monotonic() < until) return true;
    this.#suspects.delete(id);
    return false;
  }

  /** By its own word; a new life of the same Pod takes it back. */
  says(id: string, leaving: boolean): void {
    if (!leaving) this.#leaving.delete(id);
    else if (this.#peers.has(id)) this.#leaving.add(id);
  }

  /** Known, reachable as far as we know, and staying. */
  isGood(id: string): boolean {
    return this.#peers.has(id) && !this.#leaving.has(id) && !this.isSuspect(id);
  }

  /** Who goes on with a session when `except` do not: this replica or a good peer. */
  successor(session: string, except: ReadonlySet<string>): string | undefined {
    const candidates = [this.self, ...this.#peers.keys()].filter(
      (id) => !except.has(id) && (id === this.self || this.isGood(id)),
    );
    return bestPeer(session, candidates);
  }
}
