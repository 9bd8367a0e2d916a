/**
 * How many calls are under way at once, of one server and of each of its tools; the others wait, first come, first served (EF-84).
 *
 * A call that waits for room in its tool does not stand in the way of other tools. Waits are bounded in number and in time. As long as there is
 * room, entering and leaving are two additions each.
 */
import type { ResilienceConfig } from '@quaymaster/crds';

import type { Clock } from '../base/index.ts';
import type { Cancellation } from '../exchange/index.ts';

export type BulkheadLimits = ResilienceConfig['bulkhead'];

/** Calls of one tool. */
export class Lanes {
  inFlight = 0;
  readonly waiting = new Set<Waiting>();
}

interface Waiting {
  readonly tool: Lanes | undefined;
  readonly enter: () => void;
}

/** Why a call did not get in. */
export type NoRoom = 'full' | 'late' | 'cancelled';

export class Bulkhead {
  readonly #clock: Clock;
  #limits: BulkheadLimits;
  #inFlight = 0;
  /** They wait for room in the server. */
  readonly #waiting = new Set<Waiting>();
  #allWaiting = 0;

  constructor(clock: Clock, limits: BulkheadLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get waiting(): number {
    return this.#allWaiting;
  }

  set limits(limits: BulkheadLimits) {
    this.#limits = limits;
    this.#next();
  }

  /** Goes in at once. False: there is no room, or others were here before. */
  tryEnter(tool: Lanes | undefined): boolean {
    if (this.#waiting.size > 0 || !this.#hasRoom(tool) || (tool !== undefined && tool.waiting.size > 0)) return false;
    this.#in(tool);
    return true;
  }

  /** Waits for room, `mostMs` at most. Resolves with undefined once it is in. */
  wait(tool: Lanes | undefined, mostMs: number, cancellation: Cancellation): Promise<NoRoom | undefined> {
    const { queue, queueMs } = this.#limits;
    if (this.#allWaiting >= queue) return Promise.resolve('full');
    return new Promise((resolve) => {
      let forget = (): void => {};
      const leave = (result: NoRoom | undefined): void => {
        stopClock();
        forget();
        this.#allWaiting--;
        resolve(result);
      };
      const one: Waiting = {
        tool,
        enter: () => {
          this.#in(tool);
          leave(undefined);
        },
      };
      const giveUp = (why: NoRoom): void => {
        if (this.#waiting.delete(one) || tool?.waiting.delete(one) === true) leave(why);
      };
      this.#allWaiting++;
      if (tool !== undefined && this.#isFull(tool)) tool.waiting.add(one);
      else this.#waiting.add(one);
      const stopClock = this.#clock.after(Math.max(0, Math.min(queueMs, mostMs)), () => giveUp('late'));
      forget = cancellation.onCancel(() => giveUp('cancelled'));
    });
  }

  leave(tool: Lanes | undefined): void {
    this.#inFlight--;
    if (tool !== undefined) tool.inFlight--;
    if (this.#allWaiting > 0) this.#after(tool);
  }

  #after(tool: Lanes | undefined): void {
    const first = tool === undefined ? undefined : firstOf(tool.waiting);
    if (tool !== undefined && first !== undefined && !this.#isFull(tool)) {
      tool.waiting.delete(first);
      // The server may have less room than it had: then that is what it waits for now.
      if (this.#hasRoom(undefined)) first.enter();
      else this.#waiting.add(first);
    }
    this.#next();
  }

  #next(): void {
    for (const one of this.#waiting) {
      if (!this.#hasRoom(undefined)) return;
      this.#waiting.delete(one);
      if (one.tool !== undefined && this.#isFull(one.tool)) one.tool.waiting.add(one);
      else one.enter();
    }
  }

  #in(tool: Lanes | undefined): void {
    this.#inFlight++;
    if (tool !== undefined) tool.inFlight++;
  }

  #hasRoom(tool: Lanes | undefined): boolean {
    const { maxConcurrent } = this.#limits;
    if (maxConcurrent !== undefined && this.#inFlight >= maxConcurrent) return false;
    return tool === undefined || !this.#isFull(tool);
  }

  #isFull(tool: Lanes): boolean {
    const { perTool } = this.#limits;
    return perTool !== undefined && tool.inFlight >= perTool;
  }
}

function firstOf(set: ReadonlySet<Waiting>): Waiting | undefined {
  for (const one of set) return one;
  return undefined;
}
