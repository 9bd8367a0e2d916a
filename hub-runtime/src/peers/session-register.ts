/**
 * What this replica knows of sessions that it does not hold: which are over, who holds them by its own word, and what it would need to go
 * on with them. Everything is bounded; what is dropped for lack of room is counted.
 */
import type { Clock } from '../base/index.ts';
import type { SessionMirror } from '../session/index.ts';
import { ExpiringMap } from './expiring-map.ts';
import { mostMirrorChars } from './peer-messages.ts';

export interface RegisterLimits {
  readonly tombstones: number;
  readonly holders: number;
  readonly mirrors: number;
  readonly mirrorChars: number;
}

export const registerLimits: RegisterLimits = {
  tombstones: 100_000,
  holders: 50_000,
  mirrors: 20_000,
  mirrorChars: 32 * 1024 * 1024,
};

export class SessionRegister {
  readonly #clock: Clock;
  readonly #ended: ExpiringMap<true>;
  readonly #holders: ExpiringMap<string>;
  readonly #mirrors: ExpiringMap<SessionMirror>;

  constructor(clock: Clock, dropped: (what: 'tombstone' | 'mirror') => void, limits = registerLimits) {
    this.#clock = clock;
    this.#ended = new ExpiringMap(limits.tombstones, () => dropped('tombstone'));
    this.#holders = new ExpiringMap(limits.holders, () => {});
    this.#mirrors = new ExpiringMap(limits.mirrors, () => dropped('mirror'), limits.mirrorChars);
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
    const { id, capabilities, clientInfo, logLevel } = mirror;
    if (this.isEnded(id)) return;
    const weight = capabilities.length + (clientInfo?.length ?? 0) + 100;
    this.#mirrors.set(id, { id, capabilities, clientInfo, logLevel }, untilMs, weight);
  }

  sweep(): void {
    const now = this.#clock.now();
    this.#ended.sweep(now);
    this.#holders.sweep(now);
    this.#mirrors.sweep(now);
  }
}

/** What to copy of a session; undefined when it is too large for that. */
export function mirrorable(mirror: SessionMirror): SessionMirror | undefined {
  const { id, capabilities, clientInfo, logLevel, subscriptions = [] } = mirror;
  // Subscriptions that got lost would be silence; without a copy the client hears that its session is over.
  const needed = subscriptions.reduce((sum, uri) => sum + uri.length + 4, capabilities.length);
  if (needed > mostMirrorChars) return undefined;
  const fits = needed + (clientInfo?.length ?? 0) <= mostMirrorChars;
  const kept = { id, capabilities, clientInfo: fits ? clientInfo : undefined, logLevel };
  return subscriptions.length === 0 ? kept : { ...kept, subscriptions };
}
