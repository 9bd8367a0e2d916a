/**
 * One replica of a server: its connections, and what is under way there. Without a list of replicas the server's URL is the only place.
 *
 * Connections are opened when first wanted. Once the replica takes nothing new, idle ones are closed at once, so that it can end; what a
 * call in flight still has to say there (a cancellation, an answer to a ping) goes over a connection of its own.
 */
import type { Endpoint } from '../../exchange/index.ts';
import type { HttpClient } from '../../http-client/index.ts';
import type { OriginLease } from './http-pool.ts';
import { Pace } from './pace.ts';

export type PlaceState = Endpoint['state'] | 'gone';

export class Place {
  /** Undefined: wherever the URL leads. */
  readonly address: string | undefined;
  readonly seed: number;
  state: PlaceState;
  /** Calls under way. */
  inFlight = 0;
  /** Of these, those whose large answers go on while they arrive. */
  passing = 0;
  /** How long answers take, lately. */
  readonly pace = new Pace();
  /** Sessions that stay here. */
  sessions = 0;
  /** Connections that failed in a row. */
  failures = 0;
  /** Set while it is avoided: takes it back. */
  stopAvoiding: (() => void) | undefined;
  readonly #open: (address: string | undefined) => OriginLease;
  #lease: OriginLease | undefined;

  constructor(address: string | undefined, state: PlaceState, open: (address: string | undefined) => OriginLease) {
    this.address = address;
    this.seed = seedOf(address ?? '');
    this.state = state;
    this.#open = open;
  }

  get calls(): HttpClient {
    return (this.#lease ??= this.#open(this.address)).calls;
  }

  get streams(): HttpClient {
    return (this.#lease ??= this.#open(this.address)).streams;
  }

  /** Connections of one conversation that stays: they last until it gives them back, also when this place has been left. */
  hold(): OriginLease {
    return this.#open(this.address);
  }

  /** Gives its connections back: idle ones end now, the others with their calls. */
  letGo(): void {
    this.#lease?.release();
    this.#lease = undefined;
  }
}

/** Where a caller belongs, so that all hubs agree: the place with the highest score (rendezvous hashing). */
export function scoreOf(seed: number, hash: number): number {
  let mixed = Math.imul(seed ^ hash, 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** FNV-1a. */
function seedOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}
