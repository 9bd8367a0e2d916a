/**
 * Attempts to bring a server up, one at a time: conversation, then listing. A new attempt, or `abandon`, gives the running one up; whatever an
 * attempt opened that nobody takes is ended.
 */
import { type Conversation, givenUp } from './conversation.ts';
import type { ListDeps } from './list-all.ts';
import type { Starter } from './starter.ts';
import { type FirstListing, readFirst } from './watch.ts';

export interface Started {
  readonly attempt: AbortController;
  readonly conversation: Conversation;
  /** Undefined when the lists were of no interest. */
  readonly first: FirstListing | undefined;
}

export interface AttemptsOptions {
  readonly starter: Pick<Starter, 'open'>;
  readonly lists: ListDeps;
  /** What must have ended before the next process starts: a port or a file may be held by one process only. */
  readonly before: () => Promise<unknown> | undefined;
  readonly progress: (line: string) => void;
  /** False: only calls that wait are to be served. */
  readonly wantsLists: () => boolean;
}

export class Attempts {
  readonly #options: AttemptsOptions;
  #current: AbortController | undefined;

  constructor(options: AttemptsOptions) {
    this.#options = options;
  }

  get isRunning(): boolean {
    return this.#current !== undefined;
  }

  /** Undefined when it was given up meanwhile. Rejects when it failed. What it gives must be taken at once, or ends. */
  async run(): Promise<Started | undefined> {
    this.abandon();
    const attempt = new AbortController();
    this.#current = attempt;
    const { starter, lists, before, progress, wantsLists } = this.#options;
    let conversation: Conversation | undefined;
    try {
      await before();
      conversation = await starter.open((line) => {
        if (this.#current === attempt) progress(line);
      }, attempt.signal);
      const first = wantsLists() ? await readFirst(conversation, lists, attempt.signal) : undefined;
      if (this.#current !== attempt) throw givenUp();
      return { attempt, conversation, first };
    } catch (error) {
      await conversation?.close('the start failed');
      if (this.#current !== attempt) return undefined;
      this.#current = undefined;
      throw error;
    }
  }

  /** Takes what an attempt gave. False when a stop or restart came in the very moment before: then it is ended. */
  take({ attempt, conversation }: Started): boolean {
    if (this.#current === attempt) {
      this.#current = undefined;
      return true;
    }
    void conversation.close('not needed any more');
    return false;
  }

  abandon(): void {
    this.#current?.abort();
    this.#current = undefined;
  }
}
