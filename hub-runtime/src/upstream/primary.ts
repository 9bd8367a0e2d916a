/** The conversation a server is known by, with the eye kept on it: there is one, or none. */
import type { Conversation } from './conversation.ts';
import type { Started } from './attempts.ts';
import type { PartialListing } from './list-all.ts';
import { Watch, type WatchOptions } from './watch.ts';

export interface PrimaryOptions extends Pick<
  WatchOptions,
  'lists' | 'health' | 'silenceMs' | 'listing' | 'onNotification'
> {
  /** Lists of the conversation of the moment, the first ones included. */
  readonly onListing: (lists: PartialListing) => void;
  /** It does not answer any more. It is still there. */
  readonly onDead: (conversation: Conversation, message: string) => void;
  readonly onAlive: (conversation: Conversation) => void;
}

export class Primary {
  readonly #options: PrimaryOptions;
  #conversation: Conversation | undefined;
  #watch: Watch | undefined;

  constructor(options: PrimaryOptions) {
    this.#options = options;
  }

  get conversation(): Conversation | undefined {
    return this.#conversation;
  }

  /** Without a first listing nobody cares what it offers: it only finishes calls. */
  set({ conversation, first }: Started): void {
    this.#conversation = conversation;
    if (first === undefined) return;
    const watch = this.#watchOver(conversation);
    this.#watch = watch;
    watch.listed(first.lists);
    this.#options.onListing(first.lists);
    watch.replay(first.announced);
  }

  /** It is the caller's now. */
  take(): Conversation | undefined {
    const conversation = this.#conversation;
    this.#conversation = undefined;
    this.stopWatching();
    return conversation;
  }

  /** Something broke under a call. */
  suspect(): void {
    this.#watch?.suspect();
  }

  /** Other settings of the check. */
  rearm(): void {
    this.#watch?.rearm();
  }

  stopWatching(): void {
    this.#watch?.stop();
    this.#watch = undefined;
  }

  #watchOver(conversation: Conversation): Watch {
    const { lists, health, silenceMs, listing, onListing, onDead, onAlive, onNotification } = this.#options;
    const isCurrent = (): boolean => this.#conversation === conversation;
    return new Watch({
      conversation,
      lists,
      health,
      silenceMs,
      listing,
      onListing: (fresh) => {
        if (isCurrent()) onListing(fresh);
      },
      onDead: (message) => {
        if (isCurrent()) onDead(conversation, message);
      },
      onAlive: () => onAlive(conversation),
      onNotification,
    });
  }
}
