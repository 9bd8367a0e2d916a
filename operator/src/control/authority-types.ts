/** What the rest of the operator sees of the certificate authority of the control stream. */
import type { Clock, Logger } from 'quaymaster/base';

import type { KubeClient } from '../kube/index.ts';
import type { ServingCertificate } from './control-types.ts';

export interface ControlAuthorityDeps {
  /** Reads always, writes only as leader: the client with the fence. */
  readonly client: KubeClient;
  readonly namespace: string;
  readonly clusterDomain: string;
  /** Host of `settings.control.address` when hubs dial something else than the Service: a DNS name or an address. */
  readonly extraHosts?: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly isLeader: () => boolean;
}

export interface ControlAuthority {
  /** Looks after the Secret until the signal fires. */
  run(signal: AbortSignal): Promise<void>;
  /** Resolves when there is a certificate to serve with (a standby waits for the leader's first one). */
  ready(signal?: AbortSignal): Promise<void>;
  /** Something happened to the Secret: look now. */
  poke(): void;
  /** Certificates that hubs trust, PEM, for their config Secrets. Throws before `ready`. */
  ca(): string;
  /** Throws before `ready`. */
  tls(): ServingCertificate;
  /** The bundle changed: config Secrets have to follow. */
  onChange(listener: () => void): () => void;
}
