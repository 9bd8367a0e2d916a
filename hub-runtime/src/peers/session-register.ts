/**
 * What this replica knows of sessions that it does not hold: which are over, who holds them by its own word, and what it would need to go
 * on with them. Everything is bounded; what is dropped for lack of room is counted.
 */
import type { Clock } from '../base/index.ts';
import type { SessionMirror, StreamCopy } from '../session/index.ts';
import { ExpiringMap } from './expiring-map.ts';
import { mirrorSize, mostMirrorChars } from './peer-messages.ts';

export interface RegisterLimits {
  readonly tombstones: number;
  readonly holders: number;
  readonly mirrors: number;
  readonly mirrorChars: number;
  readonly streams: number;
  readonly streamChars: number;
  /** How long streams wait for somebody to come for their session, milliseconds. */
  readonly streamMs: number;
}

export const registerLimits: RegisterLimits = {
  tombstones: 100_000,
  holders: 50_000,
  mirrors: 20_000,
  mirrorChars: 32 * 1024 * 1024,
  streams: 2_000,
  streamChars: 32 * 1024 * 1024,
  streamMs: 5 * 60_000,
};

export class SessionRegister {
  readonly #clock: Clock;
  readonly #ended: ExpiringMap<true>;
  readonly #holders: ExpiringMap<string>;
  readonly #mirrors: ExpiringMap<SessionMirror>;
  readonly #streams: ExpiringMap<readonly StreamCopy[]>;
  readonly #streamMs: number;

  constructor(clock: Clock, dropped: (what: 'tombstone' | 'mirror' | 'streams') => void, limits = registerLimits) {
    this.#clock = clock;
    this.#ended = new ExpiringMap(limits.tombstones, () => dropped('tombstone'));
    this.#holders = new ExpiringMap(limits.holders, () => {});
    this.#mirrors = new ExpiringMap(limits.mirrors, () => dropped('mirror'), limits.mirrorChars);
    this.#streams = new ExpiringMap(limits.streams, () => dropped('streams'), limits.streamChars);
    this.#streamMs = limits.streamMs;
  }

  get tombstones(): number {
    return this.#ended.size;
  }

  get mirrors(): number {
    return this.#mirrors.size;
  }

  isEnded(id: string): boolean {
    return this.#ended.get(id, this.#clock.now()) !== undefined;
  }

  end(id: string, untilMs: number): void {
    this.#ended.set(id, true, untilMs);
    this.#holders.delete(id);
    this.#mirrors.delete(id);
    this.#streams.delete(id);
  }

  holder(id: string): string | undefined {
    return this.#holders.get(id, this.#clock.now());
  }

  held(id: string, by: string, untilMs: number): void {
    this.#holders.set(id, by, untilMs);
  }

  forgetHolder(id: string): void {
    this.#holders.delete(id);
  }

  mirror(id: string): SessionMirror | undefined {
    return this.#mirrors.get(id, this.#clock.now());
  }

  keepMirror(mirror: SessionMirror, untilMs: number): void {
    const { id, capabilities, clientInfo, logLevel, subscriptions } = mirror;
    if (this.isEnded(id)) return;
    const weight = mirrorSize(mirror) + 100;
    const kept = { id, capabilities, clientInfo, logLevel };
    this.#mirrors.set(id, subscriptions === undefined ? kept : { ...kept, subscriptions }, untilMs, weight);
  }

  /** Of a session that is not held here yet. */
  keepStreams(id: string, streams: readonly StreamCopy[]): void {
    if (this.isEnded(id)) return;
    const all = [...(this.#streams.get(id, this.#clock.now()) ?? []), ...streams];
    const weight = all.reduce((sum, { kept }) => kept.reduce((size, [, one]) => size + one.length, sum), 100);
    this.#streams.set(id, all, this.#clock.now() + this.#streamMs, weight);
  }

  /** Once: they go on in one place. */
  takeStreams(id: string): readonly StreamCopy[] {
    const streams = this.#streams.get(id, this.#clock.now()) ?? [];
    this.#streams.delete(id);
    return streams;
  }

  sweep(): void {
    const now = this.#clock.now();
    this.#ended.sweep(now);
    this.#holders.sweep(now);
    this.#mirrors.sweep(now);
    this.#streams.sweep(now);
  }
}

/** What to copy of a session; undefined when it is too large for that. */
export function mirrorable(mirror: SessionMirror): SessionMirror | undefined {
  const { id, capabilities, clientInfo, logLevel, subscriptions = [] } = mirror;
  // Subscriptions that got lost would be silence; without a copy the client hears that its session is over.
  if (mirrorSize({ ...mirror, clientInfo: undefined }) > mostMirrorChars) return undefined;
  const fits = mirrorSize(mirror) <= mostMirrorChars;
  const kept = { id, capabilities, clientInfo: fits ? clientInfo : undefined, logLevel };
  return subscriptions.length === 0 ? kept : { ...kept, subscriptions };
}
