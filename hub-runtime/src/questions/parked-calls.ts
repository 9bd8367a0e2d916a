/**
 * Calls of legacy servers that wait for a modern client to come back with answers: bounded in number and in time.
 *
 * Each waits under an unguessable id that only its sealed state names, and is taken once: a second answer finds nothing. When its time is over the
 * server is told to stop. One sweep serves all of them, and only while there are any.
 */
import type { Clock } from '../base/index.ts';
import type { Exchange, LaneCall, Parked, Route, Upstream } from '../exchange/index.ts';

export interface ParkedEntry {
  readonly parked: Parked;
  /** Who may go on with it; counted against each one's share. */
  readonly principal: string;
  /** As it was routed: its result is edited for the graph it began with. */
  readonly exchange: Exchange;
  readonly call: LaneCall;
  readonly route: Route;
  readonly upstream: Upstream;
  readonly target: string | undefined;
}

export interface ParkedCallsOptions {
  readonly clock: Clock;
  readonly newId: () => string;
  readonly limit: () => number;
  readonly waitMs: () => number;
}

interface Waiting extends ParkedEntry {
  readonly until: number;
}

const sweepMs = 1_000;

export class ParkedCalls {
  readonly #options: ParkedCallsOptions;
  readonly #waiting = new Map<string, Waiting>();
  #stopSweep: (() => void) | undefined;

  constructor(options: ParkedCallsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Its id; undefined: too many wait already, of all or of a principal that has a name (half of them at most). */
  add(entry: ParkedEntry): string | undefined {
    const { clock, newId, limit, waitMs } = this.#options;
    const most = limit();
    if (this.#waiting.size >= most || this.#sharedOut(entry.principal, most)) return undefined;
    const id = newId();
    this.#waiting.set(id, { ...entry, until: clock.monotonic() + waitMs() });
    this.#stopSweep ??= clock.every(sweepMs, () => this.#sweep());
    return id;
  }

  /** Counts once. */
  take(id: string): ParkedEntry | undefined {
    const entry = this.#waiting.get(id);
    if (entry === undefined) return undefined;
    this.#waiting.delete(id);
    this.#rest();
    return entry;
  }

  close(): void {
    for (const { parked } of this.#waiting.values()) parked.giveUp('shutdown');
    this.#waiting.clear();
    this.#rest();
  }

  #sharedOut(principal: string, most: number): boolean {
    if (principal === 'anonymous') return false;
    let own = 0;
    for (const one of this.#waiting.values()) if (one.principal === principal) own++;
    return own >= Math.max(1, Math.floor(most / 2));
  }

  #sweep(): void {
    const now = this.#options.clock.monotonic();
    for (const [id, { until, parked }] of this.#waiting) {
      if (now < until) continue;
      this.#waiting.delete(id);
      parked.giveUp('nobody came back with answers');
    }
    this.#rest();
  }

  #rest(): void {
    if (this.#waiting.size > 0) return;
    this.#stopSweep?.();
    this.#stopSweep = undefined;
  }
}
