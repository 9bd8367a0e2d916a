/**
 * What an edge asks of the other replicas of its hub (`peers/`). Without a router a replica is alone, and a session that it does not hold
 * is over.
 */
import type { LegacySession } from './legacy-session.ts';
import type { AbsentSession, SessionMirror } from './session-store.ts';

export interface PeerRouter {
  /** Names this replica in session ids. */
  readonly self: string;
  /** Tells the router of a hub served here. The returned function takes it off. */
  attach(hub: PeerHub): () => void;
  /**
   * A session is new here, or what another replica would need of it has changed: it is copied to the one that would go on with it. `arrived` is
   * called once the copy is there. False: it never will be, because nobody would go on with it.
   */
  mirror(session: LegacySession, arrived?: () => void): boolean;
  /** Another replica has it now, or this process ends: what its client may come back for goes there. */
  left(session: LegacySession, hub: string): void;
  /** The session is over for good: no replica takes it up again. */
  ended(session: LegacySession): void;
  /**
   * Who serves it. `direct`: another replica has already sent the request here, so it goes on here unless somebody else says it has it.
   * Never rejects.
   */
  locate(absent: AbsentSession, hub: string, direct: boolean): Promise<Placement>;
  /** Sends a request to a peer and its answer, byte by byte, into the sink. Sends it at most once. */
  forward(peer: string, request: ForwardRequest, sink: ForwardSink): Forwarding;
  /** A call of this session may still run at the replica it came from. */
  cancel(session: LegacySession, callKey: string): void;
}

/** On a request that concerns what a replica still does for a session that it has let go. */
export const previousHeader = 'x-quaymaster-previous';

/** On an answer 421: the request was not done here; who serves the session, when that is known. */
export const holderHeader = 'x-quaymaster-holder';

export type Placement =
  /** Here, from now on. */
  | { readonly kind: 'here'; readonly mirror: SessionMirror | undefined; readonly from: string | undefined }
  | { readonly kind: 'peer'; readonly peer: string }
  | { readonly kind: 'ended' }
  /** Nobody can say at the moment: one that may know does not answer. */
  | { readonly kind: 'unknown' };

/** A hub as its replicas see it. */
export interface PeerHub {
  /** `namespace/name`. */
  readonly key: string;
  all(): Iterable<LegacySession>;
  held(id: string): LegacySession | undefined;
  release(session: LegacySession): void;
  /** Cancels a call of a session that was let go. */
  cancelReleased(id: string, callKey: string): void;
  /** A session that was let go is over: nobody waits for what still runs here. */
  endReleased(id: string): void;
  end(session: LegacySession): void;
}

export interface ForwardRequest {
  /** Absent: it belongs to none, and only this peer can serve it. */
  readonly session: AbsentSession | undefined;
  /** It concerns what still runs where the session was before: this peer serves it, or nobody there does. */
  readonly previous?: boolean;
  readonly method: string;
  /** Of the hub; no hub reads a query. */
  readonly path: string;
  /** As node:http has them: names and values in turn. */
  readonly rawHeaders: readonly string[];
  readonly body: Buffer | undefined;
}

/** `refused`: nothing of the request was done, and another attempt may find a better place. `lost`: it may have been done. */
export type ForwardEnd = 'done' | 'refused' | 'busy' | 'lost';

export interface ForwardSink {
  /** The status and headers of the answer, names and values in turn. */
  head(status: number, headers: string[]): void;
  /** False: no more until `resume`. */
  data(chunk: Buffer): boolean;
  /** Once, last. */
  end(how: ForwardEnd): void;
}

export interface Forwarding {
  resume(): void;
  /** The client is gone: the peer sees its connection close. */
  cancel(): void;
}
