/**
 * The replicas that are known, and how they do: named by the operator, seen by us, leaving by their own word.
 *
 * What the operator says replaces what it said before; when it says nothing for a while, the last word stands. A replica at whose address
 * nobody listens is passed over for a short while and then tried again. One that does not answer may only be busy: it keeps what it has
 * until nothing was heard of it for `goneMs`.
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

/** How a request that got no answer failed. `dead`: nobody listens there. `silent`: no answer in time, or the connection broke. */
export type PeerFailure = 'dead' | 'silent';

/** How long one at whose address nobody listens is passed over. */
const deadMs = 2_000;
/** After this long without a word a silent one counts as dead. */
const goneMs = 10_000;
const mostPeers = 256;

export class PeerList {
  readonly self: string;
  readonly #clock: Clock;
  readonly #port: number;
  #peers = new Map<string, Peer>();
  #known = false;
  readonly #heard = Promise.withResolvers<void>();
  readonly #dead = new Map<string, number>();
  /** Since when nothing was heard of one that was asked. */
  readonly #silent = new Map<string, number>();
  readonly #leaving = new Set<string>();
  readonly #declining = new Map<string, number>();

  constructor(self: string, port: number, clock: Clock) {
    this.self = self;
    this.#port = port;
    this.#clock = clock;
  }

  /** Somebody has said who the others are. */
  get known(): boolean {
    return this.#known;
  }

  /** Resolves with the first word about the others. */
  get heard(): Promise<void> {
    return this.#heard.promise;
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
    this.#heard.resolve();
    for (const known of [this.#dead, this.#silent, this.#leaving, this.#declining])
      for (const id of known.keys()) if (!peers.has(id)) known.delete(id);
  }

  get(id: string): Peer | undefined {
    return this.#peers.get(id);
  }

  all(): Iterable<Peer> {
    return this.#peers.values();
  }

  failed(id: string, how: PeerFailure): void {
    if (!this.#peers.has(id)) return;
    const now = this.#clock.monotonic();
    if (how === 'dead') this.#dead.set(id, now + deadMs);
    else if (!this.#silent.has(id)) this.#silent.set(id, now);
  }

  /** It is there and does not take what it is sent: it gets nothing for a while, and may still know something. */
  declined(id: string): void {
    if (this.#peers.has(id)) this.#declining.set(id, this.#clock.monotonic() + deadMs);
  }

  /** It answered, or somebody has just heard of it. */
  heardOf(id: string): void {
    this.#dead.delete(id);
    this.#silent.delete(id);
  }

  isDead(id: string): boolean {
    const now = this.#clock.monotonic();
    const until = this.#dead.get(id);
    if (until !== undefined && now < until) return true;
    this.#dead.delete(id);
    return this.isGone(id);
  }

  /** Nothing was heard of it for so long that nothing will be. */
  isGone(id: string): boolean {
    const since = this.#silent.get(id);
    return since !== undefined && this.#clock.monotonic() - since >= goneMs;
  }

  /** By its own word; a new life of the same Pod takes it back. */
  says(id: string, leaving: boolean): void {
    if (!leaving) this.#leaving.delete(id);
    else if (this.#peers.has(id)) this.#leaving.add(id);
  }

  /** Known, not dead as far as we know, and staying. */
  isGood(id: string): boolean {
    return this.#peers.has(id) && !this.#leaving.has(id) && !this.#declines(id) && !this.isDead(id);
  }

  #declines(id: string): boolean {
    const until = this.#declining.get(id);
    if (until !== undefined && this.#clock.monotonic() < until) return true;
    this.#declining.delete(id);
    return false;
  }

  /** Who goes on with a session when `except` do not: this replica or a good peer. */
  successor(session: string, except: ReadonlySet<string>): string | undefined {
    const candidates = [this.self, ...this.#peers.keys()].filter(
      (id) => !except.has(id) && (id === this.self || this.isGood(id)),
    );
    return bestPeer(session, candidates);
  }
}
