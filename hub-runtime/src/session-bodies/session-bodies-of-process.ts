/**
 * The stores of all hubs of a process: connected as their configurations say, replaced when these or the values behind their references change.
 * A store that cannot be used is a problem of its hub, said with the reason; it never keeps a hub from serving.
 */
import type { HubConfig, KeyRef } from '@quaymaster/crds';

import type { Clock, Logger } from '../base/index.ts';
import type { Observer } from '../observe/index.ts';
import type { Sealer, SessionBodies } from '../session/index.ts';
import { HubBodies } from './hub-bodies.ts';
import { createBodyCodec } from './sealed-body.ts';
import { openStoreLink, type StoreLink, type StoreTarget } from './store-link.ts';

export interface BodiesDeps {
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly log: Logger;
  readonly observer: Observer;
  /** The value behind a reference; undefined: it is not there. */
  secret(namespace: string, ref: KeyRef): string | undefined;
  /** A problem came, or went. */
  changed(): void;
  /** For tests. */
  readonly open?: typeof openStoreLink;
}

export interface StoreProblem {
  readonly reason: 'SessionStoreUnreachable';
  readonly message: string;
}

interface Store {
  readonly bodies: HubBodies;
  /** What it was opened with; undefined: none is configured. */
  wanted: string | undefined;
  /** Changes with each opening: what an earlier one says counts no more. */
  turn: number;
  link: StoreLink | undefined;
  problem: string | undefined;
  readonly forget: () => void;
}

/** A start, or a store that is replaced, is no trouble yet. */
const patienceMs = 2_000;
const lastWordsMs = 500;

export class SessionBodiesOfProcess {
  readonly #deps: BodiesDeps;
  /** By hub key. */
  readonly #stores = new Map<string, Store>();

  constructor(deps: BodiesDeps) {
    this.#deps = deps;
  }

  /** For the edge of a hub; the same object as long as the hub is there, with a store behind it or not. */
  of(hub: string): SessionBodies {
    return this.#store(hub).bodies;
  }

  problem(hub: string): StoreProblem | undefined {
    const why = this.#stores.get(hub)?.problem;
    const message = `the store of sessions cannot be used: ${why}`;
    return why === undefined ? undefined : { reason: 'SessionStoreUnreachable', message };
  }

  /** All hubs there are. Values behind references are read anew. */
  update(configs: readonly HubConfig[]): void {
    const gone = new Set(this.#stores.keys());
    for (const config of configs) {
      const key = `${config.namespace}/${config.name}`;
      gone.delete(key);
      this.#use(key, config);
    }
    for (const key of gone) {
      const store = this.#stores.get(key);
      if (store === undefined) continue;
      this.#close(store);
      store.forget();
      this.#stores.delete(key);
    }
  }

  /** Last words first, for a moment. */
  async close(): Promise<void> {
    const stores = [...this.#stores.values()];
    const late = new Promise<void>((resolve) => void this.#deps.clock.after(lastWordsMs, resolve));
    await Promise.race([Promise.all(stores.map(({ bodies }) => bodies.flush())), late]);
    for (const store of stores) this.#close(store);
  }

  #store(hub: string): Store {
    let store = this.#stores.get(hub);
    if (store !== undefined) return store;
    const { sealer, clock, log, observer } = this.#deps;
    const bodies = new HubBodies({ hub, codec: createBodyCodec(hub, sealer), clock, log, observer });
    const up = observer.gauge('sessionStoreUp', hub, () => (this.#stores.get(hub)?.link?.ready === true ? 1 : 0));
    store = { bodies, wanted: undefined, turn: 0, link: undefined, problem: undefined, forget: up };
    this.#stores.set(hub, store);
    return store;
  }

  #use(hub: string, { namespace, sessions }: HubConfig): void {
    const store = this.#stores.get(hub);
    if (sessions === undefined) {
      if (store !== undefined) this.#close(store);
      return;
    }
    const value = (ref: KeyRef | undefined): string | undefined =>
      ref === undefined ? undefined : this.#deps.secret(namespace, ref)?.trimEnd();
    const target: StoreTarget = {
      url: sessions.url,
      password: value(sessions.password),
      authority: value(sessions.authority),
    };
    const missing = [sessions.password, sessions.authority].find(
      (ref) => ref !== undefined && !ref.optional && value(ref) === undefined,
    );
    const wanted = JSON.stringify([target, sessions.prefix, missing]);
    const known = store ?? this.#store(hub);
    if (known.wanted === wanted) return;
    this.#close(known);
    known.wanted = wanted;
    if (missing === undefined) this.#open(known, hub, target, sessions.prefix);
    else this.#trouble(known, hub, `Secret "${missing.name}" has no key "${missing.key}"`);
  }

  #open(store: Store, hub: string, target: StoreTarget, prefix: string): void {
    const { clock, log, changed, open = openStoreLink } = this.#deps;
    const turn = store.turn;
    const isMine = (): boolean => store.turn === turn;
    let why = 'it does not answer';
    let stopWaiting: (() => void) | undefined;
    const wait = (): void => {
      stopWaiting ??= clock.after(patienceMs, () => {
        stopWaiting = undefined;
        if (isMine() && store.link?.ready !== true) this.#trouble(store, hub, why);
      });
    };
    wait();
    const opened = open(target, {
      up: () => {
        if (!isMine()) return;
        stopWaiting?.();
        stopWaiting = undefined;
        log.info({ hub }, 'the store of sessions is there');
        store.bodies.up();
        if (store.problem === undefined) return;
        store.problem = undefined;
        changed();
      },
      down: (reason) => {
        if (!isMine()) return;
        // The connection ends after its error: that says more.
        if (reason !== 'the connection was closed') why = reason;
        if (store.problem === undefined) wait();
        else if (store.problem !== why) this.#trouble(store, hub, why);
      },
    });
    opened.then(
      (link) => {
        if (!isMine()) {
          link.close();
          return;
        }
        store.link = link;
        store.bodies.use(link, prefix);
      },
      (error: unknown) => log.error({ err: error, hub }, 'the store of sessions cannot be opened'),
    );
  }

  #trouble(store: Store, hub: string, why: string): void {
    store.problem = why;
    this.#deps.log.warn({ hub, why }, 'the store of sessions cannot be used; sessions go on without it');
    this.#deps.changed();
  }

  #close(store: Store): void {
    store.turn++;
    store.wanted = undefined;
    store.bodies.use(undefined, '');
    store.link?.close();
    store.link = undefined;
    if (store.problem === undefined) return;
    store.problem = undefined;
    this.#deps.changed();
  }
}
