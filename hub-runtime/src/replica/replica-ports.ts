/** The ports of a replica, on all addresses of its Pod: MCP, and beside it health and metrics; for other replicas on the Pod's own address. */
import { randomBytes } from 'node:crypto';

import { QmError } from '../base/index.ts';
import { type Listener, type ListenerOptions, startListener } from '../downstream/index.ts';
import { type HealthListener, type HealthOptions, startHealthListener } from '../ops/index.ts';
import { type PeerListener, type PeerListenerOptions, startPeerListener } from '../peers/index.ts';
import type { ReplicaSettings } from './replica-settings.ts';

export async function openListener(
  { hub: { port }, pod }: ReplicaSettings,
  version: string,
  options: Omit<ListenerOptions, 'host' | 'port' | 'hubInfo' | 'randomBytes'>,
): Promise<Listener> {
  const host = anyAddress(pod.ip);
  try {
    return await startListener({ ...options, hubInfo: { name: 'quaymaster', version }, randomBytes, host, port });
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code;
    if (reason === undefined) throw error;
    throw new QmError('QM_LISTEN_FAILED', { host, port, reason }, error);
  }
}

export function openHealth(
  { hub: { healthPort: port }, pod }: ReplicaSettings,
  options: Omit<HealthOptions, 'host' | 'port'>,
): Promise<HealthListener> {
  return startHealthListener({ ...options, host: anyAddress(pod.ip), port });
}

export function openPeerListener(
  { hub: { peerPort: port }, pod }: ReplicaSettings,
  options: Omit<PeerListenerOptions, 'host' | 'port'>,
): Promise<PeerListener> {
  return startPeerListener({ ...options, host: pod.ip, port });
}

/** Names under which clients may reach this Pod: its own, and those of the document. */
export function allowedHosts({ pod }: ReplicaSettings, named: readonly string[] = []): string[] {
  // Whoever forwards a port reaches loopback under a port of his own choice.
  return ['localhost', '127.0.0.1', '[::1]', pod.ip, ...named];
}

/** All families that the Pod has. */
function anyAddress(podIp: string): string {
  return podIp.includes(':') ? '::' : '0.0.0.0';
}
