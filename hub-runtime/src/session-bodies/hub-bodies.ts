/**
 * The bodies of the sessions of one hub on their way to its store: written behind, many at a time, newest state only.
 *
 * What changed waits for a moment and is written with all else that changed; a session that has much to keep is written less often, so no
 * session costs more than `bytesPerMs`. What could not be written is written when the store is back. Bounded by the sessions a hub may hold; of
 * those that are gone by `mostLastBytes`. Nothing here blocks: a body that is asked for is there within `loadMs` or is not used.
 */
import type { Clock, Logger } from '../base/index.ts';
import type { Observer } from '../observe/index.ts';
import type { HeldSessions, LegacySession, SessionBodies, SessionEnd, SessionMirror } from '../session/index.ts';
import { emptyObject } from '../wire/index.ts';
import type { BodyCodec } from './sealed-body.ts';
import type { StoreLink, StoreWrite } from './store-link.ts';

export interface HubBodiesDeps {
  readonly hub: string;
  readonly codec: BodyCodec;
  readonly clock: Clock;
  readonly log: Logger;
  readonly observer: Observer;
}

export const bodyLimits = {
  /** Changes are collected for this long. */
  collectMs: 50,
  /** In one round trip. */
  sessions: 128,
  chars: 256 * 1024,
  /** How fast one session is written, on average. */
  bytesPerMs: 256,
  /** Last words of sessions that are gone, while they wait. */
  lastChars: 16 * 1024 * 1024,
  loadMs: 50,
  /** A failed write is tried again after this. */
  againMs: 1_000,
} as const;

/** Of a hub that lets sessions be silent for seconds only: a store that is slow must not lose them. */
const leastTtlMs = 60_000;

/** What waits to be written of one session: what it is then, or its last words. */
type Waiting = { readonly session: LegacySession } | { readonly value: string; readonly ttlMs: number };

export class HubBodies implements SessionBodies {
  readonly #deps: HubBodiesDeps;
  readonly #waiting = new Map<string, Waiting>();
  /** When each may be written again. */
  readonly #notBefore = new WeakMap<LegacySession, number>();
  readonly #held = new Set<HeldSessions>();
  #lastChars = 0;
  #idleMs = 60_000;
  #link: StoreLink | undefined;
  #prefix = '';
  #isPlanned = false;
  #writing: Promise<void> | undefined;
  #stopRefresh: (() => void) | undefined;

  constructor(deps: HubBodiesDeps) {
    this.#deps = deps;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Undefined: there is no store (any more). */
  use(link: StoreLink | undefined, prefix: string): void {
    this.#link = link;
    this.#prefix = prefix;
    this.#stopRefresh?.();
    this.#stopRefresh = undefined;
    if (link === undefined) {
      this.#waiting.clear();
      this.#lastChars = 0;
    } else this.#refreshLater();
  }

  /** The store is there, perhaps another one than before. */
  up(): void {
    for (const held of this.#held) for (const session of held.all()) this.changed(session);
    this.#plan();
  }

  attach(held: HeldSessions): () => void {
    this.#held.add(held);
    if (this.#link?.ready === true) this.up();
    return () => this.#held.delete(held);
  }

  changed(session: LegacySession): void {
    // A pipe is its own session, and ends with it.
    if (this.#link === undefined || session.token === '' || session.closed) return;
    this.#waiting.set(session.id, { session });
    this.#plan();
  }

  gone(session: LegacySession, how: SessionEnd): void {
    const { id } = session;
    const had = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (this.#link === undefined || how === 'left') return;
    const { codec, observer, hub } = this.#deps;
    const ttlMs = how === 'over' ? this.#ttlOfEnd(session) : this.#ttlOf(session);
    if (ttlMs <= 0 || (how === 'closed' && had === undefined)) return;
    const value = how === 'over' ? codec.sealEnd(id, ttlMs) : codec.seal(session, ttlMs);
    if (value === undefined || this.#lastChars + value.length > bodyLimits.lastChars) {
      observer.count('sessionStoreDrops', hub);
      return;
    }
    this.#lastChars += value.length;
    this.#waiting.set(id, { value, ttlMs });
    this.#plan();
  }

  async load(id: string): Promise<SessionMirror | 'ended' | undefined> {
    const { clock, codec, observer, hub } = this.#deps;
    if (this.#link?.ready !== true) return undefined;
    let stop = (): void => {};
    const late = new Promise<undefined>((resolve) => (stop = clock.after(bodyLimits.loadMs, () => resolve(undefined))));
    try {
      const value = await Promise.race([this.#link.get(this.#keyOf(id)), late]);
      const body = value === undefined ? undefined : codec.open(id, value);
      if (body !== undefined) observer.count('sessionStoreReads', hub);
      return body;
    } catch {
      return undefined;
    } finally {
      stop();
    }
  }

  /** Writes what waits, once. Never rejects. */
  async flush(): Promise<void> {
    while (this.#link?.ready === true && this.#waiting.size > 0) {
      const before = this.#waiting.size;
      await (this.#writing ?? this.#write(true));
      if (this.#waiting.size >= before) return;
    }
  }

  #keyOf(id: string): string {
    return `${this.#prefix}${this.#deps.hub}/${id}`;
  }

  /** As long as a session may be silent, and half of that again until it is said anew. */
  #ttlOf({ expiresMs }: LegacySession): number {
    return Math.min(expiresMs - this.#deps.clock.now(), Math.max(leastTtlMs, Math.round(this.#idle() * 1.5)));
  }

  /** Whoever had declared something cannot go on without a body anyway; an end that is not needed longer must not fill the store. */
  #ttlOfEnd({ caller, expiresMs }: LegacySession): number {
    const untilMs = expiresMs - this.#deps.clock.now();
    return caller.capabilities === emptyObject ? untilMs : Math.min(untilMs, leastTtlMs);
  }

  /** The last word counts, also when the edge that said it is gone. */
  #idle(): number {
    for (const held of this.#held) this.#idleMs = held.idleMs();
    return this.#idleMs;
  }

  #isHere(session: LegacySession): boolean {
    return !session.closed && [...this.#held].some((held) => held.held(session.id) === session);
  }

  #plan(afterMs: number = bodyLimits.collectMs): void {
    if (this.#isPlanned || this.#writing !== undefined || this.#link?.ready !== true) return;
    this.#isPlanned = true;
    this.#deps.clock.after(afterMs, () => {
      this.#isPlanned = false;
      if (this.#writing === undefined && this.#link?.ready === true) void this.#write(false);
    });
  }

  #write(isLast: boolean): Promise<void> {
    const { taken, writes, nextMs } = this.#take(isLast);
    const link = this.#link;
    if (link === undefined || writes.length === 0) {
      if (nextMs !== undefined) this.#plan(Math.max(bodyLimits.collectMs, nextMs));
      return Promise.resolve();
    }
    const { observer, hub } = this.#deps;
    this.#writing = link
      .write(writes)
      .then(
        () => {
          observer.count('sessionStoreWrites', hub, writes.length);
          return bodyLimits.collectMs;
        },
        () => {
          observer.count('sessionStoreFailures', hub);
          // What was said of a session meanwhile is newer.
          for (const [id, one] of taken)
            if (!this.#waiting.has(id)) {
              if ('value' in one) this.#lastChars += one.value.length;
              this.#waiting.set(id, one);
            }
          return bodyLimits.againMs;
        },
      )
      .then((pauseMs) => {
        this.#writing = undefined;
        if (this.#waiting.size > 0) this.#plan(pauseMs);
      });
    return this.#writing;
  }

  #take(isLast: boolean) {
    const { codec, clock, observer, hub } = this.#deps;
    const now = clock.monotonic();
    const taken = new Map<string, Waiting>();
    const writes: StoreWrite[] = [];
    let chars = 0;
    let nextMs: number | undefined;
    for (const [id, one] of this.#waiting) {
      if (writes.length >= bodyLimits.sessions || chars > bodyLimits.chars) break;
      const waitMs = 'session' in one ? (this.#notBefore.get(one.session) ?? 0) - now : 0;
      if (waitMs > 0 && !isLast) {
        nextMs = Math.min(waitMs, nextMs ?? waitMs);
        continue;
      }
      this.#waiting.delete(id);
      if ('session' in one && !this.#isHere(one.session)) continue;
      if ('value' in one) this.#lastChars -= one.value.length;
      const ttlMs = 'value' in one ? one.ttlMs : this.#ttlOf(one.session);
      const value = 'value' in one ? one.value : codec.seal(one.session, ttlMs);
      if (value === undefined) observer.count('sessionStoreDrops', hub);
      if (value === undefined || ttlMs <= 0) continue;
      if ('session' in one) this.#notBefore.set(one.session, now + value.length / bodyLimits.bytesPerMs);
      taken.set(id, one);
      writes.push({ key: this.#keyOf(id), value, ttlMs });
      chars += value.length;
    }
    return { taken, writes, nextMs };
  }

  /** What is held here must not end there. */
  #refreshLater(): void {
    this.#stopRefresh = this.#deps.clock.after(Math.max(1_000, this.#idle() / 2), () => {
      void this.#refresh().then(() => {
        if (this.#link !== undefined) this.#refreshLater();
      });
    });
  }

  async #refresh(): Promise<void> {
    const sessions = [...this.#held].flatMap((held) => [...held.all()]);
    for (let at = 0; at < sessions.length && this.#link?.ready === true; at += bodyLimits.sessions) {
      const some = sessions.slice(at, at + bodyLimits.sessions).filter(({ id }) => !this.#waiting.has(id));
      const writes = some.map((one) => ({ key: this.#keyOf(one.id), value: undefined, ttlMs: this.#ttlOf(one) }));
      try {
        for (const gone of await this.#link.write(writes)) {
          const session = some[gone];
          if (session !== undefined) this.changed(session);
        }
      } catch {
        this.#deps.observer.count('sessionStoreFailures', this.#deps.hub);
      }
    }
  }
}
