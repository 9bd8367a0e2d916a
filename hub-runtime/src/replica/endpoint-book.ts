/**
 * Where the replicas of each in-cluster server are, as last heard.
 *
 * When the operator is away the last word stays: the Pods are most likely still there, and legacy sessions belong to one of them. Only a server
 * that has stopped answering is then looked for at its Service, since nobody would say where it has gone.
 *
 * A replica that was just started waits for the first word a moment (`heard`): a server that is begun at its Service is begun again at its
 * Pods, and a legacy session that was opened through the Service belongs to one of them without anybody knowing to which.
 */
import type { EndpointsMessage, ServerEndpoint } from '@quaymaster/crds';

import type { EndpointFeed } from '../exchange/index.ts';

interface Feed extends EndpointFeed {
  set(endpoints: readonly ServerEndpoint[] | undefined): void;
}

export class EndpointBook {
  readonly #feeds = new Map<string, Feed>();
  readonly #heard = Promise.withResolvers<void>();
  #last: EndpointsMessage['servers'] = {};

  /** Resolves with the first word, or when none is to be expected. */
  get heard(): Promise<void> {
    return this.#heard.promise;
  }

  /** Nobody is there to say anything, or the wait was long enough. */
  giveUp(): void {
    this.#heard.resolve();
  }

  /** The same object for as long as the server is configured. */
  feed(server: string): EndpointFeed {
    const known = this.#feeds.get(server);
    if (known !== undefined) return known;
    const feed = createFeed(this.#lastOf(server));
    this.#feeds.set(server, feed);
    return feed;
  }

  update(servers: EndpointsMessage['servers']): void {
    this.#last = servers;
    for (const [server, feed] of this.#feeds) feed.set(this.#lastOf(server));
    this.#heard.resolve();
  }

  /** Nothing is known of it any more. */
  forget(server: string): void {
    this.#feeds.get(server)?.set(undefined);
  }

  /** Servers that left the configuration take their feeds with them. */
  keep(servers: ReadonlySet<string>): void {
    for (const server of this.#feeds.keys()) if (!servers.has(server)) this.#feeds.delete(server);
  }

  #lastOf(server: string): readonly ServerEndpoint[] | undefined {
    return Object.hasOwn(this.#last, server) ? this.#last[server] : undefined;
  }
}

function createFeed(first: readonly ServerEndpoint[] | undefined): Feed {
  const listeners = new Set<() => void>();
  let current = first;
  return {
    get current() {
      return current;
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    set(next) {
      if (same(current, next)) return;
      current = next;
      for (const listener of listeners) listener();
    },
  };
}

function same(a: readonly ServerEndpoint[] | undefined, b: readonly ServerEndpoint[] | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.length === b.length && a.every((one, at) => one.address === b[at]?.address && one.state === b[at].state);
}
