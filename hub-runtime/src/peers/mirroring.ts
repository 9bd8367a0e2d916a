/**
 * Copies of the sessions held here, each at the replica that would go on with it: made when a session changes, when another replica has become
 * the one to go on with it, and when that one was started again and has forgotten it.
 */
import type { Logger } from '../base/index.ts';
import type { Observer } from '../observe/index.ts';
import type { LegacySession, PeerHub } from '../session/index.ts';
import { emptyObject } from '../wire/index.ts';
import type { Outbox } from './outbox.ts';
import type { PeerList } from './peer-list.ts';
import { mostMirrorChars } from './peer-messages.ts';
import { mirrorOf } from './session-locator.ts';
import { mirrorable, type SessionRegister } from './session-register.ts';

export interface MirroringDeps {
  readonly list: PeerList;
  readonly register: SessionRegister;
  readonly outbox: Outbox;
  readonly observer: Observer;
  readonly log: Logger;
  hubs(): Iterable<PeerHub>;
}

export class Mirroring {
  readonly #deps: MirroringDeps;
  /** Where the copy of each session is. */
  readonly #at = new Map<string, string>();
  /** Which life of each replica spoke last. */
  readonly #lives = new Map<string, string>();

  constructor(deps: MirroringDeps) {
    this.#deps = deps;
  }

  /** False: it is copied nowhere, and `arrived` is not called. */
  copy(session: LegacySession, arrived?: () => void): boolean {
    const { register, outbox, observer, log } = this.#deps;
    // What was sent here before anybody came for the session.
    session.restoreStreams(register.takeStreams(session.id));
    const peer = this.successor(session.id);
    if (peer === undefined) {
      this.#at.delete(session.id);
      return false;
    }
    const mirror = mirrorable(mirrorOf(session));
    if (mirror === undefined) {
      observer.count('peerDrops', 'mirror');
      log.debug({ session: session.id, most: mostMirrorChars }, 'a session is too large to be copied');
      this.#takeBack(session.id);
      return false;
    }
    this.#at.set(session.id, peer);
    outbox.add(peer, { kind: 'mirrors', note: { ...mirror, untilMs: session.expiresMs } }, arrived);
    return true;
  }

  /** The session is not held here any more. */
  forget(session: string): void {
    this.#at.delete(session);
  }

  /** Who goes on with a session that is held here. */
  successor(session: string): string | undefined {
    const { list } = this.#deps;
    return list.successor(session, new Set([list.self]));
  }

  /** The replicas are others now. */
  peersChanged(): void {
    const { list } = this.#deps;
    for (const id of this.#lives.keys()) if (list.get(id) === undefined) this.#lives.delete(id);
    this.#copyWhere(({ id }) => this.successor(id) !== this.#at.get(id));
  }

  /** A replica has spoken. What one that was started again had copies of is copied to it again. */
  spoke(id: string, life: string | undefined): void {
    if (life === undefined || this.#deps.list.get(id) === undefined) return;
    const before = this.#lives.get(id);
    this.#lives.set(id, life);
    if (before !== undefined && before !== life) this.#copyWhere((session) => this.#at.get(session.id) === id);
  }

  /**
   * The copy there is: whoever went on with it would miss in silence what came since. Without one a client hears that its session is over. A copy
   * whose time is over is none, to older replicas as well.
   */
  #takeBack(id: string): void {
    const peer = this.#at.get(id);
    if (peer === undefined) return;
    this.#at.delete(id);
    const nothing = { id, capabilities: emptyObject, clientInfo: undefined, logLevel: undefined };
    this.#deps.outbox.add(peer, { kind: 'mirrors', note: { ...nothing, untilMs: 0 } });
  }

  #copyWhere(isMeant: (session: LegacySession) => boolean): void {
    for (const hub of this.#deps.hubs()) for (const session of hub.all()) if (isMeant(session)) this.copy(session);
  }
}
