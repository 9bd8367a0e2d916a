/**
 * The name a replica stands under in the Lease. It tells a standby where the leader's control stream is, so that hubs can be sent on without
 * anybody looking up Pods: `<pod>_<ip:port>_<random>`. Random, since a restarted container keeps its Pod's name and address.
 */
export interface LeaderIdentity {
  readonly pod: string;
  /** `ip:port`, IPv6 in brackets. */
  readonly control: string;
}

export function encodeIdentity({ pod, control }: LeaderIdentity, random: string): string {
  return `${pod}_${control}_${random}`;
}

/** Undefined for what another release or a hand wrote. */
export function decodeIdentity(identity: string | undefined): LeaderIdentity | undefined {
  const found = /^([^_]{1,253})_((?:\[[0-9a-fA-F:.]+\]|[0-9.]+):\d{1,5})_[^_]+$/.exec(identity ?? '');
  const [, pod, control] = found ?? [];
  return pod === undefined || control === undefined ? undefined : { pod, control };
}

export function hostPort(ip: string, port: number): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}
