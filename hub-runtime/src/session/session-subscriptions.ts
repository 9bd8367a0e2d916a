/** The resources one legacy session has subscribed to: by URI, bounded, all of them ended with it. */
import type { ResourceSubscription } from '../exchange/index.ts';

/** Of one session. */
export const mostSubscriptions = 1_000;

/** A subscription that may not stand yet. */
class Place {
  readonly #drop: (place: Place) => void;
  #subscription: ResourceSubscription | undefined;
  #ended = false;

  constructor(drop: (place: Place) => void) {
    this.#drop = drop;
  }

  fill(subscription: ResourceSubscription): void {
    if (this.#ended) subscription.end();
    else this.#subscription = subscription;
  }

  drop(): void {
    this.#drop(this);
  }

  end(): void {
    this.#ended = true;
    this.#subscription?.end();
  }
}

export class SessionSubscriptions {
  readonly #places = new Map<string, Place>();

  get size(): number {
    return this.#places.size;
  }

  get uris(): Iterable<string> {
    return this.#places.keys();
  }

  has(uri: string): boolean {
    return this.#places.has(uri);
  }

  reserve(uri: string): Pick<Place, 'fill' | 'drop'> {
    const place = new Place((one) => {
      if (this.#places.get(uri) === one) this.#places.delete(uri);
    });
    this.#places.set(uri, place);
    return place;
  }

  end(uri: string): void {
    const place = this.#places.get(uri);
    this.#places.delete(uri);
    place?.end();
  }

  endAll(): void {
    for (const uri of this.#places.keys()) this.end(uri);
  }
}
