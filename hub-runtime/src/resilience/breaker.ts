/**
 * One circuit breaker: counts what became of calls within a sliding window, and says whether the next one may go (HT-1.09, EF-84).
 *
 * closed: all go. open: none, until its time is over. half open: `probes` calls try; all well closes it, one failure opens it again, for twice
 * as long; and when nobody tried for a whole window, it is closed. It opens once enough calls of the window have failed or were slow, and not all failures are of one moment: a process that dies
 * takes every call in flight with it, which says nothing of the next one. What is older than the window never counts.
 *
 * Runs for every call: numbers only, nothing is allocated, time is given. It never looks at a clock and never waits.
 */
import type { BreakerConfig } from '@quaymaster/crds';

export type CircuitState = 'closed' | 'open' | 'halfOpen';

/** What a call may do: it is refused, it goes, or it goes to find out. */
export type Admission = 0 | 1 | 2;
export const refused = 0;
export const goes = 1;
export const probes = 2;

const slices = 10;

export class Breaker {
  readonly #settings: BreakerConfig;
  readonly #sliceMs: number;
  /** Of each slice of the window. */
  readonly #calls = new Float64Array(slices);
  readonly #failed = new Float64Array(slices);
  readonly #slow = new Float64Array(slices);
  /** Sums of the slices. */
  #allCalls = 0;
  #allFailed = 0;
  #allSlow = 0;
  #slice = 0;
  #isOpen = false;
  #openUntil = 0;
  /** Times it opened without closing in between. */
  #inARow = 0;
  #probing = 0;
  #probedWell = 0;
  /** When the last one was let in. */
  #probedAt = 0;

  constructor(settings: BreakerConfig) {
    this.#settings = settings;
    this.#sliceMs = Math.max(1, settings.windowMs / slices);
  }

  /** Open or half open, unless that is forgotten by now. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  state(now: number): CircuitState {
    if (!this.#isOpen || this.#isForgotten(now)) return 'closed';
    return now < this.#openUntil ? 'open' : 'halfOpen';
  }

  /** How long it stays open, milliseconds. */
  remainingMs(now: number): number {
    return this.#isOpen ? Math.max(0, this.#openUntil - now) : 0;
  }

  /** Why it opened, for people. */
  describe(): string {
    const failed = Math.round((100 * this.#allFailed) / Math.max(1, this.#allCalls));
    const slow = Math.round((100 * this.#allSlow) / Math.max(1, this.#allCalls));
    return failed >= this.#settings.failurePercent
      ? `${failed} % of its last ${this.#allCalls} calls failed`
      : `${slow} % of its last ${this.#allCalls} calls were slow`;
  }

  /** Whoever is let in as a probe must be given back, by `record` or `forget`. */
  admit(now: number): Admission {
    if (this.#isOpen && this.#isForgotten(now)) this.reset();
    if (!this.#isOpen) return goes;
    if (now < this.#openUntil) return refused;
    const { probes: most, openMs } = this.#settings;
    // Probes that take long must not keep everybody else away: from time to time another one goes.
    if (this.#probing + this.#probedWell >= most && now - this.#probedAt < openMs) return refused;
    this.#probing++;
    this.#probedAt = now;
    return probes;
  }

  /** `weight`: 0 for a call that went well. True when the state changed. */
  record(admission: Admission, now: number, ms: number, weight: number): boolean {
    const { slowMs } = this.#settings;
    const slow = slowMs !== undefined && ms > slowMs ? 1 : 0;
    if (admission === probes) return this.#probed(now, weight > 0 || slow > 0);
    // A call from before it opened has nothing to say any more.
    if (this.#isOpen) return false;
    this.#advance(now);
    const at = this.#slice % slices;
    this.#calls[at] = (this.#calls[at] ?? 0) + 1;
    this.#allCalls++;
    if (weight === 0 && slow === 0) return false;
    this.#failed[at] = (this.#failed[at] ?? 0) + weight;
    this.#slow[at] = (this.#slow[at] ?? 0) + slow;
    this.#allFailed += weight;
    this.#allSlow += slow;
    if (!this.#isTooMuch(at)) return false;
    this.#open(now);
    return true;
  }

  /** Nothing was learned from this call. */
  forget(admission: Admission): void {
    if (admission === probes && this.#probing > 0) this.#probing--;
  }

  /** The server is a new one: what the old one did does not count. True when the state changed. */
  reset(): boolean {
    const was = this.#isOpen;
    this.#isOpen = false;
    this.#inARow = 0;
    this.#clear();
    return was;
  }

  /** Nobody has tried it for a whole window: what it opened for is as old as everything else that does not count any more. */
  #isForgotten(now: number): boolean {
    return this.#probing === 0 && now >= Math.max(this.#openUntil, this.#probedAt) + this.#settings.windowMs;
  }

  #probed(now: number, failed: boolean): boolean {
    // It has closed, or opened again, without waiting for this one.
    if (!this.#isOpen || this.#probing === 0) return false;
    this.#probing--;
    if (failed) {
      this.#open(now);
      return true;
    }
    this.#probedWell++;
    return this.#probedWell >= this.#settings.probes && this.reset();
  }

  #isTooMuch(at: number): boolean {
    const { minCalls, failurePercent, slowPercent } = this.#settings;
    if (this.#allCalls < minCalls) return false;
    const failing = 100 * this.#allFailed >= failurePercent * this.#allCalls && this.#failed[at] !== this.#allFailed;
    return failing || (100 * this.#allSlow >= slowPercent * this.#allCalls && this.#slow[at] !== this.#allSlow);
  }

  #open(now: number): void {
    const { openMs, maxOpenMs } = this.#settings;
    this.#openUntil = now + Math.min(maxOpenMs, openMs * 2 ** Math.min(this.#inARow, 30));
    this.#inARow++;
    this.#isOpen = true;
    this.#probing = 0;
    this.#probedWell = 0;
  }

  /** Empties the slices whose time is over. */
  #advance(now: number): void {
    const slice = Math.floor(now / this.#sliceMs);
    const passed = slice - this.#slice;
    if (passed <= 0) return;
    if (passed >= slices) this.#clear();
    else
      for (let step = 1; step <= passed; step++) {
        const at = (this.#slice + step) % slices;
        this.#allCalls -= this.#calls[at] ?? 0;
        this.#allFailed -= this.#failed[at] ?? 0;
        this.#allSlow -= this.#slow[at] ?? 0;
        this.#calls[at] = 0;
        this.#failed[at] = 0;
        this.#slow[at] = 0;
      }
    this.#slice = slice;
  }

  #clear(): void {
    this.#calls.fill(0);
    this.#failed.fill(0);
    this.#slow.fill(0);
    this.#allCalls = 0;
    this.#allFailed = 0;
    this.#allSlow = 0;
    this.#probing = 0;
    this.#probedWell = 0;
  }
}
