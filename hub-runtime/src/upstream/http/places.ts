/**
 * Where the requests of one server go: its replicas as the feed tells them, or its URL when there is no feed.
 *
 * Chooses for every call, so choosing is O(1) and makes nothing: the next in turn, unless another one taken at random would clearly be
 * quicker, by the calls under way there and by how long answers took lately (HT-3.12). A replica that leaves `ready` gets nothing new from that moment; one that could not be reached is left out for a while as long as
 * there are others. It never sends anything, and it forgets everything when nobody holds it.
 */
import type { Clock, Random } from '../../base/index.ts';
import type { Endpoint, EndpointFeed } from '../../exchange/index.ts';
import type { OriginLease } from './http-pool.ts';
import { httpLimits } from './limits.ts';
import { Place, scoreOf } from './place.ts';

export interface PlacesOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly feed: EndpointFeed | undefined;
  readonly open: (address: string | undefined) => OriginLease;
}

const theUrl: readonly Endpoint[] = [{ address: '', state: 'ready' }];

export class Places {
  readonly #options: PlacesOptions;
  readonly #all = new Map<string, Place>();
  /** Left, with calls that are still under way. */
  readonly #left = new Set<Place>();
  readonly #listeners = new Set<() => void>();
  /** Ready, and not avoided. Empty only when none is ready. */
  #usable: readonly Place[] = [];
  #turn = 0;
  #holders = 0;
  #seen: readonly Endpoint[] | undefined;
  #unsubscribe: (() => void) | undefined;

  constructor(options: PlacesOptions) {
    this.#options = options;
  }

  /** Keeps it up to date until the returned function is called. */
  hold(): () => void {
    if (this.#holders++ === 0) {
      this.#unsubscribe = this.#options.feed?.subscribe(() => this.#sync());
      this.#sync();
    }
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      if (--this.#holders === 0) this.#forget();
    };
  }

  /** After the replicas that are ready have changed. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  get anyReady(): boolean {
    return this.#usable.length > 0;
  }

  /** There is a choice. */
  get several(): boolean {
    return this.#usable.length > 1;
  }

  /** Where the next call goes. Undefined: no replica is ready. */
  pick(): Place | undefined {
    const usable = this.#usable;
    const count = usable.length;
    if (count < 2) return usable[0];
    const turn = (this.#turn = (this.#turn + 1) % count);
    const step = count === 2 ? 1 : 1 + Math.floor(this.#options.random() * (count - 1));
    const next = usable[turn];
    const other = usable[(turn + step) % count];
    if (next === undefined || other === undefined) return next;
    return isQuicker(other, next, this.#options.clock.monotonic()) ? other : next;
  }

  /** The same one for the same caller, as long as it is there. */
  pickFor(hash: number): Place | undefined {
    const usable = this.#usable;
    let best = usable[0];
    if (best === undefined || usable.length === 1) return best;
    let highest = -1;
    for (const one of usable) {
      const score = scoreOf(one.seed, hash);
      if (score <= highest) continue;
      highest = score;
      best = one;
    }
    return best;
  }

  /** For a session that stays: the one with the fewest. */
  pickForSession(): Place | undefined {
    let best = this.pick();
    for (const one of this.#usable) if (best !== undefined && one.sessions < best.sessions) best = one;
    return best;
  }

  /** One that takes no calls yet, but may say why. */
  starting(): Place | undefined {
    for (const one of this.#all.values()) if (one.state === 'starting') return one;
    return undefined;
  }

  /** It could not be reached, or turned a call away: nothing new goes there for a while. False: there is nowhere else. */
  avoid(place: Place): boolean {
    if (!this.#usable.some((one) => one !== place) && !this.#takeBackAllBut(place)) return false;
    if (place.state === 'ready' && place.stopAvoiding === undefined) {
      const { first, longest } = httpLimits.avoidMs;
      const pause = Math.min(longest, first * 2 ** Math.min(place.failures++, 10));
      place.stopAvoiding = this.#options.clock.after(pause, () => {
        place.stopAvoiding = undefined;
        this.#choose();
      });
    }
    this.#choose();
    return true;
  }

  /** Better one that failed a moment ago than none. True when there was one. */
  #takeBackAllBut(place: Place | undefined): boolean {
    let found = false;
    for (const one of this.#all.values()) {
      if (one === place || one.stopAvoiding === undefined) continue;
      one.stopAvoiding();
      one.stopAvoiding = undefined;
      found = true;
    }
    return found;
  }

  #sync(): void {
    const { feed } = this.#options;
    const current = feed?.current ?? theUrl;
    if (current === this.#seen) return;
    this.#seen = current;
    const leaving: Place[] = [];
    let changed = false;
    const wanted = new Set<string>();
    for (const { address, state } of current) {
      if (wanted.size >= httpLimits.places) break;
      wanted.add(address);
      const known = this.#all.get(address);
      if (known === undefined) {
        this.#all.set(address, new Place(address === '' ? undefined : address, state, this.#options.open));
        changed ||= state === 'ready';
      } else if (known.state !== state) {
        changed ||= known.state === 'ready' || state === 'ready';
        if (known.state === 'ready') leaving.push(known);
        known.state = state;
      }
    }
    for (const [address, place] of this.#all) {
      if (wanted.has(address)) continue;
      this.#all.delete(address);
      if (place.state === 'ready') changed = true;
      place.state = 'gone';
      leaving.push(place);
      this.#left.add(place);
    }
    for (const place of leaving) leave(place);
    if (changed) {
      this.#choose();
      for (const listener of this.#listeners) listener();
    }
    // After the listeners: their streams and sessions have found another place by now.
    for (const place of leaving) place.letGo();
    for (const place of this.#left) {
      if (place.inFlight > 0) continue;
      this.#left.delete(place);
      place.letGo();
    }
  }

  #choose(): void {
    this.#usable = this.#unavoided();
    if (this.#usable.length === 0 && this.#takeBackAllBut(undefined)) this.#usable = this.#unavoided();
  }

  #unavoided(): readonly Place[] {
    const usable: Place[] = [];
    for (const place of this.#all.values())
      if (place.state === 'ready' && place.stopAvoiding === undefined) usable.push(place);
    return usable;
  }

  #forget(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    for (const place of [...this.#all.values(), ...this.#left]) {
      leave(place);
      place.letGo();
    }
    this.#all.clear();
    this.#left.clear();
    this.#usable = [];
    this.#seen = undefined;
  }
}

/** Paces that differ by less are taken for equal: otherwise noise would choose, and the same replica for everybody. */
const clearly = 2;

function isQuicker(other: Place, next: Place, now: number): boolean {
  const others = other.pace.msAt(now);
  const nexts = next.pace.msAt(now);
  if (others < clearly * nexts && nexts < clearly * others) return other.inFlight < next.inFlight;
  return (other.inFlight + 1) * others < (next.inFlight + 1) * nexts;
}

function leave(place: Place): void {
  place.stopAvoiding?.();
  place.stopAvoiding = undefined;
  place.failures = 0;
}
