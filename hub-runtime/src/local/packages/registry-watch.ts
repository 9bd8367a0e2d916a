/**
 * Watches an npm that installs: after a few seconds people are told what it waits for, and a registry that nobody ever hears of is given up
 * long before npm would (it waits five minutes for an answer, three times, and for a connection as long as the kernel likes).
 *
 * npm tells every answer that it has read to its end, also one from its cache, and whichever proxy it goes through. One that is still being
 * read after those seconds is found out by asking the registry for a sign of life. From the first answer on npm's own limits decide.
 */
import type { Clock } from '../../base/index.ts';

export interface RegistryWaits {
  /** Until people are told what is waited for, milliseconds. */
  readonly sayMs: number;
  /** Until a registry is given up that has never answered. */
  readonly giveUpMs: number;
}

export const registryWaits: RegistryWaits = { sayMs: 5_000, giveUpMs: 22_000 };

/** For the next request after one that failed: npm would pause for ten seconds, then for a minute. What the user's environment says counts more. */
export const patience: Readonly<Record<string, string>> = {
  npm_config_fetch_retries: '2',
  npm_config_fetch_retry_mintimeout: '1000',
  npm_config_fetch_retry_maxtimeout: '5000',
  npm_config_fetch_timeout: '60000',
};

export interface RegistryWatchOptions {
  readonly clock: Clock;
  readonly waits: RegistryWaits;
  /** `installing x 1.2`. */
  readonly what: string;
  readonly progress: (line: string) => void;
  /** Where npm asks. Called once, when it takes long; given up with the install. Never rejects. */
  readonly registry: (signal: AbortSignal) => Promise<URL | undefined>;
  /** It answers anything at all. Rejects when it does not. */
  readonly probe: (registry: URL, signal: AbortSignal) => Promise<unknown>;
}

export class RegistryWatch {
  readonly #options: RegistryWatchOptions;
  readonly #givenUp = new AbortController();
  readonly #over = new AbortController();
  readonly #stops: (() => void)[];
  #host = 'the registry';
  #rest = '';
  #hasAnswered = false;
  #isSaid = false;

  constructor(options: RegistryWatchOptions) {
    this.#options = options;
    const { clock, waits } = options;
    this.#stops = [
      clock.after(waits.sayMs, () => void this.#takesLong()),
      clock.after(waits.giveUpMs, () => {
        if (!this.#hasAnswered) this.#givenUp.abort();
      }),
    ];
  }

  /** Aborted when it is given up. */
  get signal(): AbortSignal {
    return this.#givenUp.signal;
  }

  /** Who never answered; undefined: it was not given up. */
  get silent(): string | undefined {
    return this.signal.aborted ? this.#host : undefined;
  }

  /** A piece of what npm writes to stderr. */
  heard(text: string): void {
    if (this.#hasAnswered) return;
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop()?.slice(-longestLine) ?? '';
    if (lines.some((line) => answered.test(line))) this.#answers();
  }

  stop(): void {
    this.#over.abort();
    for (const stop of this.#stops.splice(0)) stop();
  }

  async #takesLong(): Promise<void> {
    const { registry, probe } = this.#options;
    const signal = AbortSignal.any([this.#over.signal, this.signal]);
    const url = await registry(signal);
    // Its host only: a URL may carry credentials.
    if (url !== undefined && url.host !== '') this.#host = url.host;
    this.#say();
    if (url === undefined || this.#hasAnswered) return;
    await probe(url, signal).then(
      () => this.#answers(),
      () => {
        // Not a word from it: the time that is left decides.
      },
    );
  }

  #answers(): void {
    if (this.#hasAnswered) return;
    this.#hasAnswered = true;
    if (this.#isSaid) this.#say();
  }

  #say(): void {
    if (this.#over.signal.aborted || this.signal.aborted) return;
    this.#isSaid = true;
    const { what, progress } = this.#options;
    progress(`${what}: ${this.#hasAnswered ? 'fetching from' : 'no answer yet from'} ${this.#host}`);
  }
}

const longestLine = 4_096;
/** With any status, from its cache, or as the failure of an attempt that had a status. */
const answered = /npm http (?:cache |fetch [A-Z]+ [1-5]\d\d |fetch .* failed with [1-5]\d\d)/;
