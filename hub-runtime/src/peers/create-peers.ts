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
  type Placement,
  type RandomBytes,
  sessionDigest,
} from '../session/index.ts';
import { findPeers } from './find-peers.ts';
import { Forwards } from './forwards.ts';
import { HandOvers } from './hand-overs.ts';
import { Mirroring } from './mirroring.ts';
import { Outbox } from './outbox.ts';
import { PeerCalls } from './peer-calls.ts';
import { type Peer, type PeerAddress, PeerList } from './peer-list.ts';
import type { CancelCall, Claim, ClaimReply, Ended, Notes, StreamsOfSession } from './peer-messages.ts';
import { PeerTransport } from './peer-transport.ts';
import type { Peers } from './peers.ts';
import { createRequestMac, type RequestMac } from './request-mac.ts';
import { SessionLocator } from './session-locator.ts';
import { registerLimits, SessionRegister } from './session-register.ts';

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

const sweepMs = 60_000;
/** How often a replica that owes answers is asked whether it is there. */
const lookMs = 3_000;
const lastWordsMs = 500;
const mostForwards = 2_048;

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
  readonly #transport: PeerTransport;
  readonly #calls: PeerCalls;
  readonly #outbox: Outbox;
  readonly #locator: SessionLocator;
  readonly #mirroring: Mirroring;
  readonly #forwards: Forwards;
  readonly #handOvers: HandOvers;
  readonly #hubs = new Map<string, PeerHub>();
  readonly #stop: () => void;
  #told: readonly PeerAddress[] = [];
  #leaving = false;

  constructor(options: PeersOptions) {
    const { clock, log, keys, observer } = options;
    const life = options.randomBytes(9).toString('base64url');
    const leaving = (): boolean => this.#leaving;
    this.#options = options;
    this.self = sessionDigest(options.uid);
    this.uid = options.uid;
    this.keys = keys;
    this.mac = createRequestMac({ self: this.self, life, keys, clock });
    const list = (this.#list = new PeerList(this.self, options.port, clock));
    const transport = (this.#transport = new PeerTransport(keys, this.mac, clock));
    const register = new SessionRegister(clock, (what) => observer.count('peerDrops', what), registerLimits);
    this.#register = register;
    const calls = (this.#calls = new PeerCalls({ list, transport, life, leaving }));
    this.#outbox = new Outbox({
      clock,
      send: (id, notes) => calls.tell(id, notes),
      leaving,
      dropped: (count) => observer.count('peerDrops', 'note', count),
    });
    this.#locator = new SessionLocator({
      list,
      register,
      clock,
      log,
      hub: (key) => this.#hubs.get(key),
      leaving,
      ask: (peer, claim) => calls.ask(peer, claim),
      taken: ({ id, expiresMs: untilMs }) => this.#tellAll('taken', { id, untilMs }),
    });
    const hubs = (): Iterable<PeerHub> => this.#hubs.values();
    this.#mirroring = new Mirroring({ list, register, outbox: this.#outbox, observer, log, hubs });
    const most = options.mostForwards ?? mostForwards;
    const look = (peer: Peer): Promise<void> => calls.look(peer);
    this.#forwards = new Forwards({ transport, list, register, clock, log, observer, most, look });
    this.#handOvers = new HandOvers(observer, (peer, message) => calls.streams(peer, message));
    const stopSweep = clock.every(sweepMs, () => register.sweep());
    const stopLooking = clock.every(lookMs, () => this.#forwards.look());
    const stopGauge = observer.gauge('tombstones', '', () => register.tombstones);
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
    // Those that knew this replica before learn that it has forgotten everything.
    if (isFirst) void this.#calls.greetAll();
    this.#outbox.keep((id) => this.#list.get(id) !== undefined);
    this.#transport.keep(new Set([...this.#list.all(), ...this.#forwards.debtors()].map(({ origin }) => origin)));
    this.#mirroring.peersChanged();
  }

  async find(ips: readonly string[]): Promise<void> {
    const told = this.#told;
    const found = await findPeers({
      ips,
      told,
      port: this.#options.port,
      isDead: (uid) => this.#list.isDead(sessionDigest(uid)),
      ask: (stranger) => this.#calls.who(stranger),
    });
    // Whoever knows has spoken meanwhile.
    if (told === this.#told && found !== undefined) this.update(found);
  }

  mirror(session: LegacySession, arrived?: () => void): boolean {
    return this.#mirroring.copy(session, arrived);
  }

  ended(session: LegacySession): void {
    const { id, expiresMs: untilMs } = session;
    this.#mirroring.forget(id);
    if (this.#register.isEnded(id)) return;
    this.#register.end(id, untilMs);
    this.#tellAll('ended', { id, untilMs });
  }

  left(session: LegacySession, hub: string): void {
    this.#mirroring.forget(session.id);
    if (this.#register.isEnded(session.id)) return;
    const to = this.#register.holder(session.id) ?? this.#mirroring.successor(session.id);
    const peer = to === undefined ? undefined : this.#list.get(to);
    if (peer !== undefined) this.#handOvers.begin(peer, session, hub);
  }

  locate(absent: AbsentSession, hub: string, direct: boolean): Promise<Placement> {
    return this.#locator.locate(absent, hub, direct);
  }

  forward(id: string, request: ForwardRequest, sink: ForwardSink): Forwarding {
    return this.#forwards.begin(id, request, sink);
  }

  cancel(session: LegacySession, call: string): void {
    const peer = session.previous === undefined ? undefined : this.#list.get(session.previous);
    if (peer === undefined) return;
    for (const [hub, { held }] of this.#hubs)
      if (held(session.id) === session)
        this.#calls.cancel(peer, { id: session.id, hub, call }).catch(() => {
          // Whoever is not there does not go on with a call either.
        });
  }

  async leave(): Promise<void> {
    this.#leaving = true;
    await this.#calls.greetAll();
    await this.#lastWords();
  }

  async told(): Promise<void> {
    await Promise.all([this.#outbox.idle(), this.#handOvers.told()]);
  }

  async close(): Promise<void> {
    this.#stop();
    await this.#lastWords();
    await this.#transport.close();
  }

  heard(from: string, notes: Notes): void {
    this.#list.heardOf(from);
    this.#list.says(from, notes.leaving);
    this.#mirroring.spoke(from, notes.life);
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

  #tellAll(kind: 'ended' | 'taken', note: Ended): void {
    for (const { id } of this.#list.all()) this.#outbox.add(id, { kind, note });
  }

  async #lastWords(): Promise<void> {
    const { clock } = this.#options;
    await Promise.race([this.told(), new Promise<void>((resolve) => void clock.after(lastWordsMs, resolve))]);
  }
}
