/**
 * What is kept an eye on while a server is up: its health, its announcements of changed lists, and what it does not announce.
 * One per primary conversation; ends with it.
 */
import type { ServerConfig } from '@quaymaster/crds';

import type { ListKind, ServerListing } from '../exchange/index.ts';
import { ConnectError, type Conversation, givenUp, type NotificationListener } from './conversation.ts';
import { HealthCheck } from './health-check.ts';
import { announcesTools, listAll, type ListDeps, listLimits, listSome, type PartialListing } from './list-all.ts';
import { Relister } from './relister.ts';

/** Age at which lists are read again that the server announces no changes of, milliseconds. */
const unannouncedMs = 5 * 60_000;

export interface WatchOptions {
  readonly conversation: Conversation;
  readonly lists: ListDeps;
  readonly health: () => ServerConfig['health'];
  /** How long a call may be silent, milliseconds. */
  readonly silenceMs: () => number;
  /** The listing of the moment, against which parts are read again. */
  readonly listing: () => ServerListing | undefined;
  readonly onListing: (lists: PartialListing) => void;
  readonly onDead: (message: string) => void;
  readonly onAlive: () => void;
  /** Beside changed lists. */
  readonly onNotification: NotificationListener;
}

export class Watch {
  readonly #options: WatchOptions;
  readonly #relister: Relister;
  #health: HealthCheck;
  #staleAt = 0;

  constructor(options: WatchOptions) {
    this.#options = options;
    const { clock } = options.lists;
    this.#relister = new Relister({ clock, read: (kinds) => this.#read(kinds) });
    options.conversation.onNotification((method, params, message) => {
      if (method.endsWith('/list_changed')) this.#relister.notified(method);
      else options.onNotification(method, params, message);
    });
    this.#health = this.#check();
  }

  /** Changes that were announced before the watch began. */
  replay(announced: Iterable<string>): void {
    for (const method of announced) this.#relister.notified(method);
  }

  /** The lists are this fresh now. */
  listed({ ttlMs }: PartialListing): void {
    this.#staleAt = this.#options.lists.clock.monotonic() + Math.max(unannouncedMs, ttlMs);
  }

  /** Something broke under a call: looks now. */
  suspect(): void {
    this.#health.now();
  }

  /** Other settings of the check. */
  rearm(): void {
    this.#health.stop();
    this.#health = this.#check();
  }

  stop(): void {
    this.#health.stop();
    this.#relister.stop();
  }

  #check(): HealthCheck {
    const { conversation, lists, health, silenceMs, onDead, onAlive } = this.#options;
    return new HealthCheck({
      clock: lists.clock,
      conversation,
      settings: health,
      silenceMs,
      onDead,
      onAlive: () => {
        this.#refreshUnannounced();
        onAlive();
      },
    });
  }

  /** Never more often than the server says its lists stay good (protocol 1.6: a time to live is no poll timer). */
  #refreshUnannounced(): void {
    const listing = this.#options.listing();
    if (listing === undefined || announcesTools(listing)) return;
    if (this.#options.lists.clock.monotonic() >= this.#staleAt) this.replay(['notifications/tools/list_changed']);
  }

  async #read(kinds: readonly ListKind[]): Promise<boolean> {
    const { conversation, lists, listing, onListing } = this.#options;
    const old = listing();
    if (old === undefined) return true;
    await conversation.refresh?.(listLimits.pageMs);
    const fresh = await listSome(conversation, kinds, old, lists);
    this.listed(fresh);
    onListing(fresh);
    return fresh.failed.size === 0;
  }
}

export interface FirstListing {
  readonly lists: PartialListing;
  /** Changes announced while it was read: they may or may not be in it. */
  readonly announced: ReadonlySet<string>;
}

/** Reads everything a fresh conversation offers, unless it ends or the start is given up first. */
export async function readFirst(
  conversation: Conversation,
  deps: ListDeps,
  signal: AbortSignal,
): Promise<FirstListing> {
  // In the very moment in which the conversation stood: nobody would tell.
  if (signal.aborted) throw givenUp();
  const announced = new Set<string>();
  conversation.onNotification((method) => {
    if (method.endsWith('/list_changed')) announced.add(method);
  });
  const ended = new Promise<never>((_resolve, reject) => {
    conversation.onClosed(({ reason, message }) => reject(new ConnectError(reason, message, true)));
    signal.addEventListener('abort', () => reject(givenUp()), { once: true });
  });
  // From here on changes are announced; what was said before may be old by now.
  const read = async (): Promise<PartialListing> => {
    await conversation.refresh?.(listLimits.pageMs);
    return listAll(conversation, deps);
  };
  return { lists: await Promise.race([read(), ended]), announced };
}
