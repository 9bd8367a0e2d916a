/**
 * Makes a changed secret value a changed server.
 *
 * `compile` sees names of Secrets and ConfigMaps only, so its runtimeHash stays when a value changes; what runs would keep the old one.
 * Here a keyed digest of the values that each server uses is folded in: the swap then replaces exactly those servers.
 * Keyed, because hashes are shown, and short secrets could be guessed from a plain one.
 */
import { createHmac } from 'node:crypto';

import { contentHash, type HubConfig, type ServerConfig } from '@quaymaster/crds';

/** `used` gives the values behind a server's references, as JSON; an empty list for a server without any. */
export function withValueDigests(
  hubs: readonly HubConfig[],
  used: (server: ServerConfig) => readonly unknown[],
  key: Buffer,
): HubConfig[] {
  return hubs.map((hub) => {
    const servers = hub.servers.map((server) => withValueDigest(server, used(server), key));
    if (servers.every((server, index) => server === hub.servers[index])) return hub;
    return { ...hub, servers, hash: contentHash([hub.hash, servers.map((server) => server.runtimeHash)]) };
  });
}

function withValueDigest(server: ServerConfig, used: readonly unknown[], key: Buffer): ServerConfig {
  if (used.length === 0) return server;
  const digest = createHmac('sha256', key).update(JSON.stringify(used)).digest('hex');
  return { ...server, runtimeHash: contentHash([server.runtimeHash, digest]) };
}
