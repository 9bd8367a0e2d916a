/** What a process has of the other replicas: what its hubs ask of them, what drives it, and what the listener for the others hands in. */
import type { KeyRing, PeerRouter } from '../session/index.ts';
import type { PeerAddress } from './peer-list.ts';
import type { CancelCall, Claim, ClaimReply, Notes, StreamsOfSession } from './peer-messages.ts';
import type { RequestMac } from './request-mac.ts';

export interface Peers extends PeerRouter {
  /** All replicas there are, this one among them or not. Replaces what was said before. */
  update(peers: readonly PeerAddress[]): void;
  /**
   * The same when only addresses are known: each is asked who it is. One that does not answer stays what it was said to be, and who was known is
   * forgotten only when it is dead.
   */
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
