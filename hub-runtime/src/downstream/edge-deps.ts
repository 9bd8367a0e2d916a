/** What the edges need from whoever composes the hub. */
import type { Clock, Logger } from '../base/index.ts';
import type { HubPort } from '../exchange/index.ts';
import type { Observer } from '../observe/index.ts';
import type { PeerRouter, RandomBytes, Sealer, SessionBodies } from '../session/index.ts';

export interface EdgeDeps {
  /** How the hub names itself to clients. */
  readonly hubInfo: { readonly name: string; readonly version: string };
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  readonly log: Logger;
  readonly observer: Observer;
  /** Seals legacy session ids. The caller keeps the key. */
  readonly sealer: Sealer;
  /** The other replicas. Absent: there are none, and a session that is not held here is over. */
  readonly peers?: PeerRouter;
  /** What outlives this process of the sessions of a hub (`namespace/name`), where its configuration has a store for them. */
  readonly bodies?: (hub: string) => SessionBodies | undefined;
}

/** Which hub answers on which path. */
export interface HubDirectory {
  resolve(pathname: string): HubPort | undefined;
  /** All of them: limits of connections are theirs together. Absent: those that were asked for. */
  hubs?(): Iterable<HubPort>;
}
