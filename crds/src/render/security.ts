/** Pod Security "restricted", and a little more: no writable root file system, no token, no links to other Services. */
import type { Json } from './types.ts';

/** The nobody of distroless images: no files of its own anywhere. */
const nobody = 65_532;

export interface SecurityOverlay {
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly fsGroup?: number;
  readonly readOnlyRootFilesystem?: boolean;
}

export function podSecurity({ runAsUser, runAsGroup, fsGroup }: SecurityOverlay = {}, lowestPort = 1_024): Json {
  return {
    runAsNonRoot: true,
    runAsUser: runAsUser ?? nobody,
    runAsGroup: runAsGroup ?? nobody,
    fsGroup: fsGroup ?? nobody,
    fsGroupChangePolicy: 'OnRootMismatch',
    seccompProfile: { type: 'RuntimeDefault' },
    // A safe sysctl: the only way to a low port that needs no capability.
    ...(lowestPort < 1_024
      ? { sysctls: [{ name: 'net.ipv4.ip_unprivileged_port_start', value: String(lowestPort) }] }
      : {}),
  };
}

export function containerSecurity({ readOnlyRootFilesystem = true }: SecurityOverlay = {}): Json {
  return {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    privileged: false,
    readOnlyRootFilesystem,
    runAsNonRoot: true,
    seccompProfile: { type: 'RuntimeDefault' },
  };
}
