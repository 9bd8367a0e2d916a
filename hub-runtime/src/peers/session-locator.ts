/**
 * Who serves a session that is not held here, and how this replica comes to hold it.
 *
 *  1. over: nobody. Held by the word of somebody who is there: that one
 *  2. its owner, while it is there and stays
 *  3. else the winner of the rendezvous among the others; if that is this replica, it *claims* the session: it asks everybody it can reach,
 *     takes what they know of it, and tells them that it goes on with it
 *
 * A request that another replica has sent here skips 1 and 2: it was sent because this one is to go on with the session. The claim finds out
 * when that replica was wrong, so a one-sided view of the network moves no session away from a replica that has it. When two claim at
 * once the better one wins (the owner, then rendezvous). While somebody does not answer who may have the session, or know of it, nothing is
 * decided: the request waits and asks again. Only what nobody answered for can be held twice, until the `taken` note arrives.
 */
import type { Clock, Logger } from '../base/index.ts';
import type { AbsentSession, LegacySession, PeerHub, Placement, SessionMirror, StreamCopy } from '../session/index.ts';
import type { Claim, ClaimReply } from './peer-messages.ts';
import type { Peer, PeerFailure, PeerList } from './peer-list.ts';
import { peerScore } from './rendezvous.ts';
import type { SessionRegister } from './session-register.ts';

export interface LocatorDeps {
  readonly list: PeerList;
  readonly register: SessionRegister;
  readonly clock: Clock;
  readonly log: Logger;
  hub(key: string): PeerHub | undefined;
  leaving(): boolean;
  /** Asks one replica. Never rejects. */
  ask(peer: Peer, claim: Claim): Promise<ClaimReply | PeerFailure>;
  /** Tells the others that it is here now. */
  taken(absent: AbsentSession): void;
}

interface Heard {
  readonly peer: Peer;
  readonly reply: ClaimReply;
}

interface Answers {
  readonly heard: readonly Heard[];
  /** Those that are there and did not answer. */
  readonly silent: ReadonlySet<string>;
}

/** Requests wait this long for the first word about the others, from the start of this replica; then it goes on alone. */
const patienceMs = 5_000;
const mostAsked = 16;

export class SessionLocator {
  readonly #deps: LocatorDeps;
  readonly #startedMs: number;
  /** Claims under way: one per session, whoever waits for it. Bounded by the requests in flight. */
  readonly #claims = new Map<string, Promise<Placement>>();

  constructor(deps: LocatorDeps) {
    this.#deps = deps;
    this.#startedMs = deps.clock.monotonic();
  }

  async locate(absent: AbsentSession, hub: string, direct: boolean): Promise<Placement> {
    const { list, register, clock } = this.#deps;
    const patience = this.#startedMs + patienceMs - clock.monotonic();
    if (!list.known && patience > 0 && !register.isEnded(absent.id)) await this.#firstWord(patience);
    if (register.isEnded(absent.id)) return { kind: 'ended' };
    const peer = direct ? undefined : this.#elsewhere(absent);
    if (peer !== undefined) return { kind: 'peer', peer };
    let claim = this.#claims.get(absent.id);
    if (claim === undefined) {
      claim = this.#claim(absent, hub).finally(() => this.#claims.delete(absent.id));
      this.#claims.set(absent.id, claim);
    }
    return claim;
  }

  /** A replica that was only just started hears of the others with its first message from the operator. */
  async #firstWord(patience: number): Promise<void> {
    let stop = (): void => {};
    const enough = new Promise<void>((resolve) => {
      stop = this.#deps.clock.after(patience, resolve);
    });
    await Promise.race([this.#deps.list.heard, enough]);
    stop();
  }

  /** What another replica is told that looks for a session. */
  answer(claim: Claim, from: string): ClaimReply {
    const { register, leaving } = this.#deps;
    if (register.isEnded(claim.id)) return { state: 'ended' };
    const hub = this.#deps.hub(claim.hub);
    const session = hub?.held(claim.id);
    if (session !== undefined && hub !== undefined) {
      if (!leaving()) return { state: 'held' };
      // Before they end here: what its client did not read yet goes along.
      const mirror = withStreams(mirrorOf(session), session.copyStreams(false));
      register.held(claim.id, from, session.expiresMs);
      hub.release(session);
      return { state: 'released', mirror };
    }
    if (this.#claims.has(claim.id)) return { state: 'adopting' };
    const mirror = register.mirror(claim.id);
    if (mirror === undefined) return { state: 'none' };
    return { state: 'mirror', mirror: withStreams(mirror, register.takeStreams(claim.id)) };
  }

  #elsewhere(absent: AbsentSession): string | undefined {
    const { list, register, leaving } = this.#deps;
    const holder = register.holder(absent.id);
    if (holder !== undefined && holder !== list.self && list.isGood(holder)) return holder;
    if (absent.owner !== list.self && list.isGood(absent.owner)) return absent.owner;
    if (absent.owner === list.self && !leaving()) return undefined;
    const next = list.successor(absent.id, new Set(leaving() ? [absent.owner, list.self] : [absent.owner]));
    return next === list.self ? undefined : next;
  }

  async #claim(absent: AbsentSession, hub: string): Promise<Placement> {
    const { list, register, log } = this.#deps;
    const holder = register.holder(absent.id);
    const { heard, silent } = await this.#askAll({ id: absent.id, hub }, absent.owner);
    const said = (state: ClaimReply['state']): Heard | undefined => heard.find(({ reply }) => reply.state === state);
    if (said('ended') !== undefined || register.isEnded(absent.id)) {
      register.end(absent.id, absent.expiresMs);
      return { kind: 'ended' };
    }
    const held = said('held');
    if (held !== undefined) return this.#heldBy(absent, held.peer.id);
    const mine = rank(absent, list.self);
    const better = heard.find(({ peer, reply }) => reply.state === 'adopting' && rank(absent, peer.id) > mine);
    if (better !== undefined) return this.#heldBy(absent, better.peer.id);
    let mirror: SessionMirror | undefined = register.mirror(absent.id);
    let from: string | undefined;
    for (const { peer, reply } of heard) {
      if (reply.state !== 'mirror' && reply.state !== 'released') continue;
      register.keepStreams(absent.id, reply.mirror.streams ?? []);
      if (reply.state === 'mirror') mirror ??= reply.mirror;
      else {
        mirror = reply.mirror;
        from = peer.id;
      }
    }
    const mayHold = [absent.owner, ...(holder === undefined ? [] : [holder])];
    if (mayHold.some((one) => silent.has(one)) || (mirror === undefined && silent.size > 0)) return { kind: 'unknown' };
    if (mirror !== undefined && mirror.id === absent.id) register.keepMirror(mirror, absent.expiresMs);
    register.forgetHolder(absent.id);
    this.#deps.taken(absent);
    log.debug({ session: absent.id, asked: heard.length, mirrored: mirror !== undefined }, 'a session goes on here');
    const streams = register.takeStreams(absent.id);
    return { kind: 'here', mirror: mirror === undefined ? undefined : withStreams(mirror, streams), from };
  }

  #heldBy(absent: AbsentSession, peer: string): Placement {
    this.#deps.register.held(absent.id, peer, absent.expiresMs);
    return { kind: 'peer', peer };
  }

  async #askAll(claim: Claim, owner: string): Promise<Answers> {
    const { list, ask } = this.#deps;
    const peers = [...list.all()]
      .filter(({ id }) => !list.isDead(id))
      .map((peer) => ({ peer, order: peer.id === owner ? '~' : peerScore(claim.id, peer.id) }))
      .toSorted((one, other) => (one.order < other.order ? 1 : -1))
      .slice(0, mostAsked);
    const replies = await Promise.all(peers.map(async ({ peer }) => ({ peer, reply: await ask(peer, claim) })));
    const heard: Heard[] = [];
    const silent = new Set<string>();
    for (const { peer, reply } of replies) {
      if (reply === 'silent') silent.add(peer.id);
      else if (reply !== 'dead') heard.push({ peer, reply });
    }
    return { heard, silent };
  }
}

/** Orders those that claim one session at the same time; the highest goes on with it. */
function rank(absent: AbsentSession, replica: string): string {
  return replica === absent.owner ? '~' : peerScore(absent.id, replica);
}

function withStreams(mirror: SessionMirror, streams: readonly StreamCopy[]): SessionMirror {
  const { streams: _, ...rest } = mirror;
  return streams.length === 0 ? rest : { ...rest, streams };
}

export function mirrorOf(session: LegacySession): SessionMirror {
  const { capabilities, clientInfo } = session.caller;
  const subscriptions = [...session.subscriptions.uris];
  const mirror = { id: session.id, capabilities, clientInfo, logLevel: session.logLevel };
  return subscriptions.length === 0 ? mirror : { ...mirror, subscriptions };
}
