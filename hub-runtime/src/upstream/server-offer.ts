/**
 * What one server offers: the last good listing, kept through every failure, and what it shows to single classes of clients beside it.
 *
 * Runs when lists have been read and when a client may see others. It reads no lists of its own accord and opens nothing.
 */
import type { ServerListing } from '../exchange/index.ts';
import type { RawJson } from '../wire/index.ts';
import type { Announcer } from './announcer.ts';
import { ClassListings } from './class-listings.ts';
import type { Conversation } from './conversation.ts';
import { type ListDeps, sameListing } from './list-all.ts';

export class ServerOffer {
  readonly #announcer: Announcer;
  readonly #classes: ClassListings;
  #listing: ServerListing | undefined;

  constructor(lists: ListDeps, announcer: Announcer) {
    this.#announcer = announcer;
    this.#classes = new ClassListings({
      lists,
      base: () => this.#listing,
      changed: () => {
        if (this.#listing !== undefined) announcer.listed(this.#listing);
      },
    });
  }

  /** What everybody sees. */
  get listing(): ServerListing | undefined {
    return this.#listing;
  }

  get hasClasses(): boolean {
    return this.#classes.any;
  }

  /** What clients with these capabilities see; undefined: what everybody sees. */
  of(capabilities: RawJson): ServerListing | undefined {
    return this.#classes.of(capabilities);
  }

  /** Resolves when it is known what such clients see; undefined: there is nothing to wait for. */
  learn(capabilities: RawJson, open: () => Promise<Conversation | undefined>): Promise<void> | undefined {
    return this.#classes.learn(capabilities, open);
  }

  /** A conversation of such a client says that its lists are others now. */
  listsChanged(capabilities: RawJson, conversation: Conversation): void {
    this.#classes.listsChanged(capabilities, conversation);
  }

  /** Lists as they were just read. False: clients see nothing new. */
  take(listing: ServerListing): boolean {
    if (this.#listing !== undefined && sameListing(this.#listing, listing)) {
      // Nothing that clients see, only for how long it stays so.
      this.#listing = { ...this.#listing, hints: listing.hints ?? {} };
      return false;
    }
    this.#listing = listing;
    this.#classes.forget();
    this.#announcer.listed(listing);
    return true;
  }

  /** The server is another one now: what it shows to single classes is asked again. */
  serverIsNew(): void {
    this.#classes.forget();
  }
}
