/**
 * Who may call now, who waits for a turn, and who is sent away: the bound on the calls of one hub, fair between its clients (HT-5.12).
 *
 * Runs for every call. While there is room it is one look-up and two additions. When there is none, a call waits in the line of its own client,
 * and clients take turns, one call each, so that a client with a thousand calls delays another's single call by one place, not by a thousand.
 * A client at its own bound waits without holding anybody up. The lines are bounded together, in calls and in bytes: when they are full, the
 * newest call of the longest line goes, never one of a client that waits with less. Every wait is bounded in time.
 *
 * Kept true at all times: while there is room in the hub, whoever waits is at the bound of its client.
 */
import type { HubConfig, HubLimits } from '@quaymaster/crds';

import type { Clock } from '../base/index.ts';
import type { Cancellation } from '../exchange/index.ts';

/** Stands for a client: its session, its principal, or its connection. */
export type ClientKey = string | object;

/** Why a call is sent away. The field of `limits` or `timeouts` that decided, and a guess at when there is room. */
export interface Refusal {
  readonly by: 'inFlight' | 'inFlightPerClient' | 'queue' | 'queueBytes' | 'queueMs';
  readonly limit: number;
  readonly retryAfterMs: number;
  /** The client's own bound is the reason, not that of the hub. */
  readonly own: boolean;
}

export type Turn = Share | Refusal | 'cancelled';

/** A client's part of the hub. Lives as long as it has a call here. */
export class Share {
  readonly key: ClientKey;
  inFlight = 0;
  readonly line: Waiting[] = [];

  constructor(key: ClientKey) {
    this.key = key;
  }
}

interface Waiting {
  readonly bytes: number;
  readonly untilMs: number;
  readonly leave: (turn: Turn) => void;
}

export interface AdmissionDeps {
  readonly clock: Clock;
  /** Of this moment. */
  readonly config: () => Pick<HubConfig, 'limits' | 'timeouts'>;
}

const sweepMs = 50;
/** Weight of the newest call in the mean duration. */
const recent = 1 / 32;
const leastRetryMs = 250;
const mostRetryMs = 30_000;
/** Those sent away together come back one after the other. */
const spreadSteps = 8;

export class Admission {
  readonly #deps: AdmissionDeps;
  readonly #shares = new Map<ClientKey, Share>();
  /** Clients whose first waiting call may go as soon as there is room, in the order of their turns. */
  readonly #turns = new Set<Share>();
  #inFlight = 0;
  #waiting = 0;
  #waitingBytes = 0;
  #meanMs = 0;
  #refusals = 0;
  #stopSweep: (() => void) | undefined;

  constructor(deps: AdmissionDeps) {
    this.#deps = deps;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get waiting(): number {
    return this.#waiting;
  }

  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Clients with a call here. */
  get clients(): number {
    return this.#shares.size;
  }

  /** In at once, or undefined: it has to `wait`. Whoever is in must `leave`. */
  enter(key: ClientKey): Share | undefined {
    const limits = this.#deps.config().limits;
    if (this.#inFlight >= limits.inFlight) return undefined;
    const share = this.#shares.get(key);
    if (share === undefined) return this.#admit(this.#newShare(key));
    return share.inFlight >= perClient(limits) ? undefined : this.#admit(share);
  }

  /** `bytes`: what the call holds while it waits. */
  wait(key: ClientKey, bytes: number, cancellation: Cancellation): Promise<Turn> {
    const limits = this.#deps.config().limits;
    const share = this.#shares.get(key) ?? this.#newShare(key);
    const by = this.#makeRoom(share, bytes, limits);
    if (by !== undefined) {
      const refusal = this.#refusal(share, by, limits);
      this.#forgetIfIdle(share);
      return Promise.resolve(refusal);
    }
    return new Promise((resolve) => {
      let forget = (): void => {};
      const one: Waiting = {
        bytes,
        untilMs: this.#deps.clock.monotonic() + this.#queueMs,
        leave: (turn) => {
          forget();
          resolve(turn);
        },
      };
      share.line.push(one);
      this.#waiting++;
      this.#waitingBytes += bytes;
      this.#mayTurn(share, limits);
      this.#stopSweep ??= this.#deps.clock.every(sweepMs, () => this.#sweep());
      forget = cancellation.onCancel(() => {
        if (this.#takeOut(share, one)) one.leave('cancelled');
      });
    });
  }

  /** A call that was in has ended. */
  leave(share: Share, durationMs: number): void {
    this.#meanMs += (durationMs - this.#meanMs) * recent;
    this.#inFlight--;
    share.inFlight--;
    if (this.#waiting === 0) {
      if (share.inFlight === 0) this.#shares.delete(share.key);
      return;
    }
    const limits = this.#deps.config().limits;
    this.#mayTurn(share, limits);
    this.#serve(limits);
    this.#forgetIfIdle(share);
  }

  get #queueMs(): number {
    return this.#deps.config().timeouts.queueMs ?? defaultQueueMs;
  }

  #newShare(key: ClientKey): Share {
    const share = new Share(key);
    this.#shares.set(key, share);
    return share;
  }

  #admit(share: Share): Share {
    this.#inFlight++;
    share.inFlight++;
    return share;
  }

  #mayTurn(share: Share, limits: HubLimits): void {
    if (share.line.length > 0 && share.inFlight < perClient(limits)) this.#turns.add(share);
  }

  /** Gives every free place to the client whose turn it is. */
  #serve(limits: HubLimits): void {
    for (const share of this.#turns) {
      if (this.#inFlight >= limits.inFlight) return;
      this.#turns.delete(share);
      const next = share.line[0];
      if (next === undefined || share.inFlight >= perClient(limits)) continue;
      this.#admit(share);
      this.#takeOut(share, next);
      // Behind all others: a Set keeps the order of arrival, and this loop comes to it again.
      this.#mayTurn(share, limits);
      next.leave(share);
    }
  }

  /** Undefined: there is room, perhaps since somebody else was sent away. Otherwise what there is too much of. */
  #makeRoom(share: Share, bytes: number, limits: HubLimits): Refusal['by'] | undefined {
    const most = limits.queue ?? 0;
    if (most === 0) return isOwn(share, limits) ? 'inFlightPerClient' : 'inFlight';
    const mostBytes = limits.queueBytes ?? defaultQueueBytes;
    // Each turn sends one away, so this ends.
    while (this.#waiting >= most || this.#waitingBytes + bytes > mostBytes) {
      const by = this.#waiting >= most ? 'queue' : 'queueBytes';
      const longest = this.#longestLine();
      if (longest === undefined || longest.line.length <= share.line.length + 1) return by;
      const last = longest.line.at(-1);
      if (last === undefined || !this.#takeOut(longest, last)) return by;
      last.leave(this.#refusal(longest, by, limits));
      this.#forgetIfIdle(longest);
    }
    return undefined;
  }

  #longestLine(): Share | undefined {
    let longest: Share | undefined;
    for (const share of this.#shares.values()) if (share.line.length > (longest?.line.length ?? 0)) longest = share;
    return longest;
  }

  #takeOut(share: Share, one: Waiting): boolean {
    const at = share.line[0] === one ? 0 : share.line.lastIndexOf(one);
    if (at < 0) return false;
    share.line.splice(at, 1);
    this.#waiting--;
    this.#waitingBytes -= one.bytes;
    if (share.line.length === 0) this.#turns.delete(share);
    this.#forgetIfIdle(share);
    if (this.#waiting === 0) {
      this.#stopSweep?.();
      this.#stopSweep = undefined;
    }
    return true;
  }

  #forgetIfIdle(share: Share): void {
    if (share.inFlight === 0 && share.line.length === 0 && this.#shares.get(share.key) === share)
      this.#shares.delete(share.key);
  }

  /** Ends waits that are over, and serves: a new configuration may have raised a bound. */
  #sweep(): void {
    const now = this.#deps.clock.monotonic();
    const limits = this.#deps.config().limits;
    for (const share of this.#shares.values()) {
      for (let first = share.line[0]; first !== undefined && first.untilMs <= now; first = share.line[0]) {
        this.#takeOut(share, first);
        first.leave(this.#refusal(share, 'queueMs', limits));
      }
      this.#mayTurn(share, limits);
    }
    this.#serve(limits);
  }

  #refusal(share: Share, by: Refusal['by'], limits: HubLimits): Refusal {
    const own = isOwn(share, limits);
    const bounds: Readonly<Record<Refusal['by'], number>> = {
      inFlight: limits.inFlight,
      inFlightPerClient: perClient(limits),
      queue: limits.queue ?? 0,
      queueBytes: limits.queueBytes ?? defaultQueueBytes,
      queueMs: this.#queueMs,
    };
    // By then those who wait now have had their turn, at the pace of the last calls.
    const ahead = own ? share.line.length + 1 : this.#waiting + 1;
    const atOnce = own ? perClient(limits) : limits.inFlight;
    const wait = Math.max(leastRetryMs, (this.#meanMs * ahead) / atOnce);
    const spread = 1 + (this.#refusals++ % spreadSteps) / spreadSteps;
    return { by, limit: bounds[by], own, retryAfterMs: Math.round(Math.min(mostRetryMs, wait * spread)) };
  }
}

/** Older configurations do not name them. */
const defaultQueueBytes = 64 * 1024 * 1024;
const defaultQueueMs = 10_000;

function perClient(limits: HubLimits): number {
  return limits.inFlightPerClient ?? limits.inFlight;
}

/** Where its bound is that of the hub, the hub is full. */
function isOwn(share: Share, limits: HubLimits): boolean {
  return perClient(limits) < limits.inFlight && share.inFlight >= perClient(limits);
}
