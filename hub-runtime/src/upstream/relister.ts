/**
 * Turns a server's announcements of changed lists into few reads of exactly those lists.
 *
 * Waits a moment for more, reads once at a time, keeps a distance between reads (a storm of announcements costs one read per half second, X-02),
 * and reads again when something was announced meanwhile. A read that fails is tried a few times, then left to the health check.
 */
import type { Clock } from '../base/index.ts';
import type { ListKind } from '../exchange/index.ts';

export interface RelisterOptions {
  readonly clock: Clock;
  /** Reads the lists; false when that failed. Never rejects. */
  readonly read: (kinds: readonly ListKind[]) => Promise<boolean>;
}

const gatherMs = 50;
const distanceMs = 500;
const retryMs = 2_000;
const maxRetries = 3;

export class Relister {
  readonly #options: RelisterOptions;
  readonly #changed = new Set<ListKind>();
  #cancelTimer: (() => void) | undefined;
  #reading = false;
  #lastRead = -Infinity;
  #failures = 0;
  #stopped = false;

  constructor(options: RelisterOptions) {
    this.#options = options;
  }

  /** Takes a notification of the server; others than list changes are ignored. */
  notified(method: string): void {
    switch (method) {
      case 'notifications/tools/list_changed':
        this.#add('tools');
        return;
      case 'notifications/prompts/list_changed':
        this.#add('prompts');
        return;
      case 'notifications/resources/list_changed':
        this.#add('resources');
        this.#add('resourceTemplates');
        return;
      default:
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#changed.clear();
  }

  #add(kind: ListKind): void {
    if (this.#stopped) return;
    this.#changed.add(kind);
    if (!this.#reading) this.#schedule(gatherMs);
  }

  #schedule(delayMs: number): void {
    if (this.#cancelTimer !== undefined) return;
    const distance = this.#lastRead + distanceMs - this.#options.clock.monotonic();
    this.#cancelTimer = this.#options.clock.after(Math.max(delayMs, distance), () => {
      this.#cancelTimer = undefined;
      void this.#read();
    });
  }

  async #read(): Promise<void> {
    const kinds = [...this.#changed];
    this.#changed.clear();
    this.#reading = true;
    const good = await this.#options.read(kinds);
    this.#reading = false;
    if (this.#stopped) return;
    this.#lastRead = this.#options.clock.monotonic();
    this.#failures = good ? 0 : this.#failures + 1;
    if (!good && this.#failures <= maxRetries) {
      for (const kind of kinds) this.#changed.add(kind);
      this.#schedule(retryMs);
      return;
    }
    if (this.#changed.size > 0) this.#schedule(gatherMs);
  }
}
