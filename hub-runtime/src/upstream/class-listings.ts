/**
 * What a legacy server shows to clients that declared something, where that is more than it shows to the hub (design: the catalog is keyed by server and
 * capability class).
 *
 * A server with conversations of single clients tells each of them what fits its capabilities, once, for the whole conversation; the hub's own one
 * declared nothing. So the lists are read once per class of capabilities, on the first such client's own conversation, when that client
 * lists or calls something unknown; all of the class see them from then on. Read again when the server says that they changed, and after its
 * restart. Runs off the path of calls; holds one listing per class, a bounded number of them.
 */
import type { ServerListing } from '../exchange/index.ts';
import { emptyObject, type RawJson, relayedCapabilities } from '../wire/index.ts';
import type { Conversation } from './conversation.ts';
import { listAll, type ListDeps, sameListing } from './list-all.ts';

export const classLimits = {
  /** Classes of one server; beyond it the one learned first makes room, once it is this old. Until then newcomers see what everybody sees. */
  classes: 16,
  keptMs: 60_000,
  /** Distinct declarations whose class is remembered. */
  declarations: 256,
  /** A class whose lists could not be read is not tried again for this long, milliseconds. */
  failedMs: 10_000,
} as const;

export interface ClassListingsOptions {
  readonly lists: ListDeps;
  /** What everybody sees. */
  readonly base: () => ServerListing | undefined;
  /** Some class sees something else now. */
  readonly changed: () => void;
}

interface Entry {
  readonly since: number;
  /** Undefined: the same as everybody, or not known yet. */
  listing: ServerListing | undefined;
  reading: Promise<void> | undefined;
  known: boolean;
  failedAt: number;
}

export class ClassListings {
  readonly #options: ClassListingsOptions;
  readonly #classes = new Map<RawJson, Entry>();
  readonly #classOf = new Map<RawJson, RawJson>();

  constructor(options: ClassListingsOptions) {
    this.#options = options;
  }

  /** Some class sees more or less than everybody. */
  get any(): boolean {
    for (const { listing } of this.#classes.values()) if (listing !== undefined) return true;
    return false;
  }

  get size(): number {
    return this.#classes.size;
  }

  /** What clients with these capabilities see; undefined: what everybody sees. */
  of(capabilities: RawJson): ServerListing | undefined {
    return this.#classes.get(this.#class(capabilities))?.listing;
  }

  /** Resolves when it is known, or cannot be; undefined: there is nothing to wait for. `open` gives a conversation of such a client. */
  learn(capabilities: RawJson, open: () => Promise<Conversation | undefined>): Promise<void> | undefined {
    const key = this.#class(capabilities);
    if (key === emptyObject || this.#options.base() === undefined) return undefined;
    const now = this.#options.lists.clock.monotonic();
    const entry = this.#entry(key, now);
    if (entry === undefined) return undefined;
    if (entry.reading !== undefined) return entry.reading;
    if (entry.known || now - entry.failedAt < classLimits.failedMs) return undefined;
    return (entry.reading = this.#read(entry, open));
  }

  /** A conversation of this class says that its lists are others now. */
  listsChanged(capabilities: RawJson, conversation: Conversation): void {
    const entry = this.#classes.get(this.#class(capabilities));
    if (entry === undefined || !entry.known || entry.reading !== undefined) return;
    entry.reading = this.#read(entry, () => Promise.resolve(conversation));
  }

  /** The server is another one now, or shows everybody something else. */
  forget(): void {
    this.#classes.clear();
  }

  async #read(entry: Entry, open: () => Promise<Conversation | undefined>): Promise<void> {
    const { lists, base, changed } = this.#options;
    try {
      const conversation = await open();
      if (conversation === undefined) throw new Error('no conversation');
      const { listing } = await listAll(conversation, lists);
      const common = base();
      const before = entry.listing;
      entry.listing = common !== undefined && sameListing(common, listing) ? undefined : listing;
      entry.known = true;
      const isNews = before === undefined ? entry.listing !== undefined : !isSame(before, entry.listing);
      if (isNews && this.#isKept(entry)) changed();
    } catch {
      // What everybody sees is what they see.
      entry.failedAt = lists.clock.monotonic();
    } finally {
      entry.reading = undefined;
    }
  }

  #isKept(entry: Entry): boolean {
    for (const one of this.#classes.values()) if (one === entry) return true;
    return false;
  }

  /** Undefined: there is no room for another one. Whoever makes up capabilities must not make the hub open conversations without end. */
  #entry(key: RawJson, now: number): Entry | undefined {
    let entry = this.#classes.get(key);
    if (entry !== undefined) return entry;
    const [oldest] = this.#classes;
    if (oldest !== undefined && this.#classes.size >= classLimits.classes) {
      if (now - oldest[1].since < classLimits.keptMs) return undefined;
      this.#classes.delete(oldest[0]);
    }
    entry = { since: now, listing: undefined, reading: undefined, known: false, failedAt: -Infinity };
    this.#classes.set(key, entry);
    return entry;
  }

  #class(declared: RawJson): RawJson {
    if (declared === emptyObject) return emptyObject;
    let key = this.#classOf.get(declared);
    if (key === undefined) {
      key = relayedCapabilities(declared);
      if (this.#classOf.size >= classLimits.declarations) this.#classOf.clear();
      this.#classOf.set(declared, key);
    }
    return key;
  }
}

function isSame(left: ServerListing, right: ServerListing | undefined): boolean {
  return right !== undefined && sameListing(left, right);
}
