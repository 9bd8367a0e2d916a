/** The other replicas of a hub: sessions go on wherever their clients arrive. */
export { createPeers, type PeersOptions } from './create-peers.ts';
export type { PeerAddress } from './peer-list.ts';
export { type PeerDoor, type PeerListener, type PeerListenerOptions, startPeerListener } from './peer-listener.ts';
export type { Peers } from './peers.ts';
