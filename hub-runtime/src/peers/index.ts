/** The other replicas of a hub: sessions go on wherever their clients arrive. */
export { createPeers, type PeerAddress, type Peers, type PeersOptions } from './create-peers.ts';
export { type PeerDoor, type PeerListener, type PeerListenerOptions, startPeerListener } from './peer-listener.ts';
