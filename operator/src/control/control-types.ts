/** What the rest of the operator sees of the control stream: the server, what is published on it, what comes back. */
import type {
  ConfigMessage,
  CredentialsMessage,
  EndpointsMessage,
  PeersMessage,
  ReportMessage,
} from '@quaymaster/crds';
import type { Clock, Logger } from 'quaymaster/base';

import type { KubeClient } from '../kube/index.ts';
import type { ControlMetrics } from './control-metrics.ts';
import type { ControlLimits } from './limits.ts';

export interface ControlServerDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: ControlMetrics;
  /** For TokenReview. */
  readonly client: KubeClient;
  /** Of the projected tokens: `settings.control.audience`. */
  readonly audience: string;
  /** The serving certificate. Asked every few seconds: a new one is used from then on, and no stream breaks. */
  readonly tls: () => ServingCertificate;
  readonly port: number;
  readonly host?: string;
  /** Asked before anything is sent: a replica that lost its office tells hubs nothing. */
  readonly isLeader: () => boolean;
  /** `ip:port` of the replica that leads. */
  readonly leaderAddress: () => string | undefined;
  /**
   * May this Pod be a replica of this hub? It is a ServiceAccount's Pod by its token, and in the namespace of the hub. Asked when a stream
   * opens and again every few seconds, so a Pod that is gone loses its stream.
   */
  readonly authorize: (hub: string, pod: PodIdentity) => Authorization;
  readonly limits?: Partial<ControlLimits>;
}

export interface ServingCertificate {
  readonly cert: string;
  readonly key: string;
}

/** `unknownHub`: closed with 4004, so that the log of the Pod says what is wrong. */
export type Authorization = boolean | 'unknownHub';

/** Who a token speaks for, by the API server's word. */
export interface PodIdentity {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly name: string;
  readonly uid: string;
}

export interface ControlServer {
  /** Resolves when connections are taken. Standbys listen too: they send hubs on to the leader. */
  listen(): Promise<{ readonly port: number }>;
  /**
   * What all replicas of a hub shall have. The same content again costs nothing and sends nothing. A hub that was never published gets its
   * streams, and waits.
   */
  publish(hub: string, state: HubPublication): void;
  /** The hub is no more: its streams end. */
  forget(hub: string): void;
  /** Those with a stream now, sorted by name. */
  replicas(hub: string): readonly HubReplica[];
  /** Once per hub and turn, however much happened in it. */
  onChange(listener: ControlListener): () => void;
  /** Ends all streams (hubs dial again, and find the next leader) and the listener. */
  close(): Promise<void>;
}

/** `load`: nothing but counters changed since the listener was last called for this hub. */
export type ControlListener = (hub: string, what: 'state' | 'load') => void;

export interface HubPublication {
  readonly document: ConfigMessage['document'];
  readonly credentials: Pick<CredentialsMessage, 'hash' | 'values'>;
  readonly peers: PeersMessage['peers'];
  readonly endpoints: EndpointsMessage['servers'];
}

export interface HubReplica {
  /** `ip` is what the Pod says of itself; the Pod object knows better. */
  readonly pod: { readonly name: string; readonly uid: string; readonly ip: string };
  readonly version: string;
  /** What it runs, by its last word: an acknowledgement, or its hello. */
  readonly acknowledged?: { readonly hash: string; readonly generation: number };
  /** The last document, when it was refused. Masked and cut to a sentence. */
  readonly refused?: { readonly hash: string; readonly message: string };
  readonly report?: ReportMessage;
  /** Wall clock. */
  readonly connectedSince: number;
}
