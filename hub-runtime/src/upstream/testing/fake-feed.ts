/** Where replicas are, as a test says. */
import type { Endpoint, EndpointFeed } from '../../exchange/index.ts';

export class FakeFeed implements EndpointFeed {
  current: readonly Endpoint[] | undefined;
  readonly #listeners = new Set<() => void>();

  constructor(...first: (string | Endpoint)[]) {
    this.current = first.map(endpoint);
  }

  get subscribers(): number {
    return this.#listeners.size;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Addresses are ready ones. */
  say(...now: (string | Endpoint)[]): void {
    this.current = now.map(endpoint);
    for (const listener of this.#listeners) listener();
  }

  /** Nobody knows any more. */
  forget(): void {
    this.current = undefined;
    for (const listener of this.#listeners) listener();
  }
}

const endpoint = (one: string | Endpoint): Endpoint =>
  typeof one === 'string' ? { address: one, state: 'ready' } : one;

export const draining = (address: string): Endpoint => ({ address, state: 'draining' });
export const starting = (address: string): Endpoint => ({ address, state: 'starting' });
