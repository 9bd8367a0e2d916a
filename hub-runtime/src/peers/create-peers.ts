/**
 * The other replicas of the hubs of this process: finds them, forwards to them, takes sessions over from them and hands its own on.
 *
 * Made once per process, with no socket of its own; `startPeerListener` opens the one the others use. The operator names the replicas
 * (`update`); nothing here asks anybody who they are.
 */
import type { Clock, Logger } from '../base/index.ts';
import type { Observer } from '../observe/index.ts';
import {
  type AbsentSession,
  type Forwarding,
  type ForwardRequest,
  type ForwardSink,
  type KeyRing,
  type LegacySession,
  type PeerHub,
  type PeerRouter,
  type Placement,
  type RandomBytes,
  sessionDigest,
} from '../session/index.ts';
import { findPeers } from './find-peers.ts';
import { Forward } from './forward.ts';
import { Outbox } from './outbox.ts';
import { type Peer, type PeerAddress, type PeerFailure, PeerList } from './peer-list.ts';
import {
  type CancelCall,
  type Claim,
  type ClaimReply,
  type Ended,
  mostMirrorChars,
  type Notes,
  peerPaths,
  readClaimReply,
  type StreamsOfSession,
} from './peer-messages.ts';
import { PeerFailed, PeerTransport } from './peer-transport.ts';
import { createRequestMac, type RequestMac } from './request-mac.ts';
import { mirrorOf, SessionLocator } from './session-locator.ts';
import { mirrorable, registerLimits, SessionRegister } from './session-register.ts';

export type { PeerAddress } from './peer-list.ts';

export interface PeersOptions {
  /** Pod uid, or whatever names this replica and no other for as long as it lives. */
  readonly uid: string;
  /** The sealer's: requests are signed and encrypted under keys derived from them. */
  readonly keys: KeyRing;
  /** Where replicas listen for each other. */
  readonly port: number;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  readonly log: Logger;
  readonly observer: Observer;
  /** Forwarded requests at once; 2,048. */
  readonly mostForwards?: number;
}

export interface Peers extends PeerRouter {
  /** All replicas there are, this one among them or not. Replaces what was said before. */
  update(peers: readonly PeerAddress[]): void;
  /** The same when only addresses are known: each is asked who it is. One that does not answer stays what it was said to be, and who was known is forgotten only when it is dead. */
  find(ips: readonly string[]): Promise<void>;
  readonly uid: string;
  /** This replica is about to end: others take its sessions over as their clients arrive there. Resolves when they have been told. */
  leave(): Promise<void>;
  /** Resolves when the others have heard all there is to say. */
  told(): Promise<void>;
  /** Last words first, for a moment. */
  close(): Promise<void>;
  /** For the listener. */
  readonly mac: RequestMac;
  readonly keys: KeyRing;
  heard(from: string, notes: Notes): void;
  claimed(from: string, claim: Claim): ClaimReply;
  cancelled(from: string, cancel: CancelCall): void;
  receivedStreams(from: string, streams: StreamsOfSession): void;
}

const claimMs = 1_000;
const noteMs = 2_000;
const sweepMs = 60_000;
/** How often a replica that owes answers is asked whether it is there. */
const lookMs = 3_000;
const lastWordsMs = 500;
const mostForwards = 2_048;
const mostHandingOver = 16 * 1024 * 1024;

export function createPeers(options: PeersOptions): Peers {
  return new PeersOfHub(options);
}

class PeersOfHub implements Peers {
  readonly self: string;
  readonly uid: string;
  readonly mac: RequestMac;
  readonly keys: KeyRing;
  readonly #options: PeersOptions;
  readonly #list: PeerList;
  readonly #register: SessionRegister;
  readonly #locator: SessionLocator;
  readonly #outbox: Outbox;
  readonly #transport: PeerTransport;
  readonly #hubs = new Map<string, PeerHub>();
  /** Where the copy of each session held here is. */
  readonly #mirroredAt = new Map<string, string>();
  readonly #stop: () => void;
  /** Forwarded requests that wait for an answer, by replica. */
  readonly #forwards = new Map<string, { readonly peer: Peer; count: number }>();
  readonly #life: string;
  /** Which life of each replica spoke last. */
  readonly #lives = new Map<string, string>();
  #told: readonly PeerAddress[] = [];
  #forwarding = 0;
  /** Characters of streams on their way to those that go on with their sessions. */
  #handingOver = 0;
  readonly #handOvers = new Set<Promise<void>>();
  #leaving = false;

  constructor(options: PeersOptions) {
    const { clock, log, keys, observer } = options;
    this.#options = options;
    this.self = sessionDigest(options.uid);
    this.uid = options.uid;
    this.keys = keys;
    this.#life = options.randomBytes(9).toString('base64url');
    this.mac = createRequestMac({ self: this.self, life: this.#life, keys, clock });
    this.#list = new PeerList(this.self, options.port, clock);
    this.#transport = new PeerTransport(keys, this.mac, clock);
    this.#register = new SessionRegister(clock, (what) => observer.count('peerDrops', what), registerLimits);
    this.#outbox = new Outbox({
      clock,
      send: (id, notes) => this.#tell(id, notes),
      leaving: () => this.#leaving,
      dropped: (count) => observer.count('peerDrops', 'note', count),
    });
    this.#locator = new SessionLocator({
      list: this.#list,
      register: this.#register,
      clock,
      log,
      hub: (key) => this.#hubs.get(key),
      leaving: () => this.#leaving,
      ask: (peer, claim) => this.#ask(peer, claim),
      taken: (absent) => this.#taken(absent),
    });
    const stopSweep = clock.every(sweepMs, () => this.#register.sweep());
    const stopLooking = clock.every(lookMs, () => this.#look());
    const stopGauge = observer.gauge('tombstones', '', () => this.#register.tombstones);
    this.#stop = () => {
      stopSweep();
      stopLooking();
      stopGauge();
    };
  }

  attach(hub: PeerHub): () => void {
    this.#hubs.set(hub.key, hub);
    return () => {
      if (this.#hubs.get(hub.key) === hub) this.#hubs.delete(hub.key);
    };
  }

  update(peers: readonly PeerAddress[]): void {
    const isFirst = !this.#list.known;
    this.#told = peers;
    this.#list.update(peers);
    for (const id of this.#lives.keys()) if (this.#list.get(id) === undefined) this.#lives.delete(id);
    if (isFirst) this.#greet();
    this.#outbox.keep((id) => this.#list.get(id) !== undefined);
    const waitedFor = [...this.#forwards.values()].map(({ peer }) => peer);
    this.#transport.keep(new Set([...this.#list.all(), ...waitedFor].map(({ origin }) => origin)));
    for (const hub of this.#hubs.values())
      for (const session of hub.all())
        if (this.#successor(session.id) !== this.#mirroredAt.get(session.id)) this.mirror(session);
  }

  async find(ips: readonly string[]): Promise<void> {
    const told = this.#told;
    const found = await findPeers({
      ips,
      told,
      port: this.#options.port,
      isDead: (uid) => this.#list.isDead(sessionDigest(uid)),
      ask: (stranger) => this.#transport.call(stranger, peerPaths.who, {}, claimMs),
    });
    // Whoever knows has spoken meanwhile.
    if (told === this.#told && found !== undefined) this.update(found);
  }

  mirror(session: LegacySession): void {
    // What was sent here before anybody came for the session.
    session.restoreStreams(this.#register.takeStreams(session.id));
    const peer = this.#successor(session.id);
    if (peer === undefined) {
      this.#mirroredAt.delete(session.id);
      return;
    }
    const mirror = mirrorable(mirrorOf(session));
    if (mirror === undefined) {
      this.#options.observer.count('peerDrops', 'mirror');
      this.#options.log.debug({ session: session.id, most: mostMirrorChars }, 'a session is too large to be copied');
      return;
    }
    this.#mirroredAt.set(session.id, peer);
    this.#outbox.add(peer, { kind: 'mirrors', note: { ...mirror, untilMs: session.expiresMs } });
  }

  ended(session: LegacySession): void {
    const { id, expiresMs: untilMs } = session;
    this.#mirroredAt.delete(id);
    if (this.#register.isEnded(id)) return;
    this.#register.end(id, untilMs);
    this.#tellAll('ended', { id, untilMs });
  }

  left(session: LegacySession, hub: string): void {
    this.#mirroredAt.delete(session.id);
    if (this.#register.isEnded(session.id)) return;
    const to = this.#register.holder(session.id) ?? this.#successor(session.id);
    const peer = to === undefined ? undefined : this.#list.get(to);
    if (peer === undefined) return;
    const streams = session.copyStreams(false);
    if (streams.length === 0) return;
    const chars = streams.reduce((sum, { kept }) => kept.reduce((size, [, one]) => size + one.length, sum), 0);
    if (this.#handingOver + chars > mostHandingOver) {
      this.#options.observer.count('peerDrops', 'streams');
      return;
    }
    this.#handingOver += chars;
    const message: StreamsOfSession = { id: session.id, hub, streams };
    const sent = this.#call(peer, peerPaths.streams, message, noteMs)
      .catch(() => this.#options.observer.count('peerDrops', 'streams'))
      .then(() => {
        this.#handingOver -= chars;
        this.#handOvers.delete(sent);
      });
    this.#handOvers.add(sent);
  }

  locate(absent: AbsentSession, hub: string, direct: boolean): Promise<Placement> {
    return this.#locator.locate(absent, hub, direct);
  }

  forward(id: string, request: ForwardRequest, sink: ForwardSink): Forwarding {
    const peer = this.#list.get(id);
    const { observer, clock, log, mostForwards: most = mostForwards } = this.#options;
    if (peer === undefined || this.#forwarding >= most) {
      if (peer !== undefined) observer.count('limitRejections', 'peerForwards');
      sink.end(peer === undefined ? 'refused' : 'busy');
      return { resume: () => {}, cancel: () => {} };
    }
    this.#forwarding++;
    const waiting = this.#forwards.get(id) ?? { peer, count: 0 };
    waiting.count++;
    this.#forwards.set(id, waiting);
    const deps = { transport: this.#transport, list: this.#list, register: this.#register, clock, log };
    return new Forward(deps, peer, request, sink, () => {
      this.#forwarding--;
      if (--waiting.count === 0 && this.#forwards.get(id) === waiting) this.#forwards.delete(id);
    });
  }

  cancel(session: LegacySession, callKey: string): void {
    const peer = session.previous === undefined ? undefined : this.#list.get(session.previous);
    if (peer === undefined) return;
    for (const [hub, { held }] of this.#hubs) {
      if (held(session.id) !== session) continue;
      const message: CancelCall = { id: session.id, hub, call: callKey };
      this.#call(peer, peerPaths.cancel, message, noteMs).catch(() => {});
    }
  }

  async leave(): Promise<void> {
    this.#leaving = true;
    const notes: Notes = { leaving: true, ended: [], taken: [], mirrors: [] };
    await Promise.allSettled([...this.#list.all()].map(({ id }) => this.#tell(id, notes)));
    await this.#lastWords();
  }

  async told(): Promise<void> {
    await Promise.all([this.#outbox.idle(), ...this.#handOvers]);
  }

  async close(): Promise<void> {
    this.#stop();
    await this.#lastWords();
    await this.#transport.close();
  }

  heard(from: string, notes: Notes): void {
    this.#list.heardOf(from);
    this.#list.says(from, notes.leaving);
    this.#isAlive(from, notes.life);
    for (const { id, untilMs } of notes.ended) {
      this.#register.end(id, untilMs);
      for (const hub of this.#hubs.values()) {
        const session = hub.held(id);
        if (session !== undefined) hub.end(session);
        hub.endReleased(id);
      }
    }
    for (const { id, untilMs } of notes.taken) {
      if (this.#register.isEnded(id)) continue;
      this.#register.held(id, from, untilMs);
      for (const hub of this.#hubs.values()) {
        const session = hub.held(id);
        if (session !== undefined) hub.release(session);
      }
    }
    for (const mirror of notes.mirrors) this.#register.keepMirror(mirror, mirror.untilMs);
  }

  claimed(from: string, claim: Claim): ClaimReply {
    return this.#locator.answer(claim, from);
  }

  cancelled(_from: string, { hub, id, call }: CancelCall): void {
    this.#hubs.get(hub)?.cancelReleased(id, call);
  }

  receivedStreams(_from: string, { id, hub, streams }: StreamsOfSession): void {
    const session = this.#hubs.get(hub)?.held(id);
    if (session === undefined) this.#register.keepStreams(id, streams);
    else session.restoreStreams(streams);
  }

  /** Those that knew this replica before learn that it has forgotten everything. */
  #greet(): void {
    const nothing: Notes = { leaving: this.#leaving, ended: [], taken: [], mirrors: [] };
    for (const { id } of this.#list.all()) this.#tell(id, nothing).catch(() => {});
  }

  /** What one that was started again had copies of is copied to it again. */
  #isAlive(id: string, life: string | undefined): void {
    if (life === undefined || this.#list.get(id) === undefined) return;
    const before = this.#lives.get(id);
    this.#lives.set(id, life);
    if (before === undefined || before === life) return;
    for (const hub of this.#hubs.values())
      for (const session of hub.all()) if (this.#mirroredAt.get(session.id) === id) this.mirror(session);
  }

  #successor(session: string): string | undefined {
    return this.#list.successor(session, new Set([this.self]));
  }

  #taken(absent: AbsentSession): void {
    this.#tellAll('taken', { id: absent.id, untilMs: absent.expiresMs });
  }

  #tellAll(kind: 'ended' | 'taken', note: Ended): void {
    for (const { id } of this.#list.all()) this.#outbox.add(id, { kind, note });
  }

  async #lastWords(): Promise<void> {
    const { clock } = this.#options;
    await Promise.race([this.told(), new Promise<void>((resolve) => void clock.after(lastWordsMs, resolve))]);
  }

  /** A machine that is lost closes no connection: what waits for a replica that says nothing at all is given up. */
  #look(): void {
    const nothing: Notes = { leaving: this.#leaving, ended: [], taken: [], mirrors: [] };
    for (const [id, { peer }] of this.#forwards) {
      if (this.#list.isGone(id)) this.#transport.cut(peer.origin);
      else
        this.#call(peer, peerPaths.notes, nothing, noteMs).catch(() => {
          // It is no replica any more, and not there: nobody will say more about it.
          if (this.#list.get(id) === undefined) this.#transport.cut(peer.origin);
        });
    }
  }

  async #tell(id: string, notes: Notes): Promise<void> {
    const peer = this.#list.get(id);
    if (peer !== undefined) await this.#call(peer, peerPaths.notes, { ...notes, life: this.#life }, noteMs);
  }

  async #ask(peer: Peer, claim: Claim): Promise<ClaimReply | PeerFailure> {
    try {
      return readClaimReply(await this.#call(peer, peerPaths.claim, claim, claimMs));
    } catch (error) {
      return error instanceof PeerFailed ? error.how : 'silent';
    }
  }

  async #call(peer: Peer, path: string, message: unknown, timeoutMs: number): Promise<unknown> {
    try {
      const answer = await this.#transport.call(peer, path, message, timeoutMs);
      this.#list.heardOf(peer.id);
      return answer;
    } catch (error) {
      if (error instanceof PeerFailed) this.#list.failed(peer.id, error.how);
      throw error;
    }
  }
}
