/**
 * What a hub is handed beside its configuration: where its servers are, which credentials they ask for, under which names it may be reached.
 * Pure. No secret value comes here: only names of Secrets, and the keys under which values stand in the credentials Secret.
 */
import {
  bridgeSecretFiles,
  credentialKey,
  type HubConfig,
  type HubDocument,
  hubNames,
  type McpHubSpec,
  type RenderSettings,
  type ServerAddress,
  type ServerConfig,
  isElsewhere,
  serverNames,
  serverUrl,
} from '@quaymaster/crds';

/** One value that the hub, or a server of it, needs. */
export interface CredentialReference {
  readonly id: string;
  readonly namespace: string;
  readonly secret: string;
  readonly key: string;
}

export type HubDocumentContent = Omit<HubDocument, 'version' | 'hash' | 'generation'>;

export function documentContent(
  config: HubConfig,
  exposure: McpHubSpec['exposure'],
  settings: RenderSettings,
): HubDocumentContent {
  return {
    config,
    addresses: Object.fromEntries(config.servers.map((server) => [server.key, addressOf(server, settings)])),
    hosts: hostsOf(config, exposure, settings),
  };
}

/** Bridge tokens, the headers of remote servers, and what the store of sessions asks for. Sorted by id, each once. */
export function credentialReferences(config: HubConfig): readonly CredentialReference[] {
  const found = new Map<string, CredentialReference>();
  const add = (namespace: string, secret: string, key: string): void => {
    const id = credentialKey(namespace, secret, key);
    found.set(id, { id, namespace, secret, key });
  };
  for (const ref of [config.sessions?.password, config.sessions?.authority])
    if (ref !== undefined) add(config.namespace, ref.name, ref.key);
  for (const server of config.servers) {
    if (isBridged(server)) add(server.namespace, serverNames(server.name).bridge, bridgeSecretFiles.token);
    if (!isElsewhere(server)) continue;
    for (const header of server.headers) {
      if ('secretKeyRef' in header) add(server.namespace, header.secretKeyRef.name, header.secretKeyRef.key);
    }
  }
  return [...found.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

export function runsInCluster(server: ServerConfig): boolean {
  return !isElsewhere(server);
}

function isBridged(server: ServerConfig): boolean {
  return runsInCluster(server) && server.transport === 'stdio';
}

function addressOf(server: ServerConfig, settings: RenderSettings): ServerAddress {
  const url = serverUrl(server, settings);
  if (!isBridged(server)) return { url, inCluster: runsInCluster(server) };
  const { bridge } = serverNames(server.name);
  return { url, inCluster: true, bridgeToken: credentialKey(server.namespace, bridge, bridgeSecretFiles.token) };
}

/**
 * Every name a client inside the cluster may write, from the short one to the full one, and the hosts of the way from outside. `*` stands for
 * an exposure that names no host: whatever gets through the Gateway or Ingress is meant.
 */
function hostsOf(
  { name, namespace }: HubConfig,
  exposure: McpHubSpec['exposure'],
  { clusterDomain }: RenderSettings,
): readonly string[] {
  const { workload } = hubNames(name);
  const inside = [workload, `${workload}.${namespace}`, `${workload}.${namespace}.svc`];
  const outside = exposure === undefined ? [] : exposure.hosts.length === 0 ? ['*'] : exposure.hosts;
  return [...inside, `${workload}.${namespace}.svc.${clusterDomain}`, ...[...outside].toSorted()];
}
