/** Conversations that take no new calls and end once their last call has: replaced ones, and ones that are over but still answer. */
import type { Clock } from '../base/index.ts';
import type { Conversation } from './conversation.ts';

const sweepMs = 250;

export class RetiredConversations {
  readonly #clock: Clock;
  readonly #all = new Set<Conversation>();
  #stopSweep: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get inFlight(): number {
    let sum = 0;
    for (const one of this.#all) sum += one.inFlight;
    return sum;
  }

  add(conversation: Conversation): void {
    this.#all.add(conversation);
    this.#stopSweep ??= this.#clock.every(sweepMs, () => this.#sweep());
  }

  async closeAll(reason: string): Promise<void> {
    const all = [...this.#all];
    this.#all.clear();
    this.#sweep();
    await Promise.all(all.map((one) => one.close(reason)));
  }

  /** Calls end at the latest at their deadlines, so every conversation leaves. */
  #sweep(): void {
    for (const one of this.#all) {
      if (one.inFlight > 0) continue;
      this.#all.delete(one);
      void one.close('replaced');
    }
    if (this.#all.size > 0) return;
    this.#stopSweep?.();
    this.#stopSweep = undefined;
  }
}
