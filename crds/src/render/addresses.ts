/** Where servers and hubs are found inside a cluster. */
import type { HubConfig, ServerConfig } from '../hub-config/index.ts';
import { hubNames, serverNames } from './names.ts';
import type { RenderSettings } from './settings.ts';

/** The bridge serves at one path, whatever the child is. */
const bridgePath = '/mcp';

/** Where hubs reach a server: its Service, or the place it names itself. */
export function serverUrl(config: ServerConfig, { clusterDomain }: RenderSettings): string {
  if (config.source.kind === 'remote') return config.source.url;
  const path = config.transport === 'stdio' ? bridgePath : (config.http?.path ?? bridgePath);
  return `http://${serverNames(config.name).workload}.${config.namespace}.svc.${clusterDomain}${path}`;
}

/** What clients in the cluster use. */
export function hubUrl({ name, namespace, path }: HubConfig, { clusterDomain }: RenderSettings): string {
  return `http://${hubNames(name).workload}.${namespace}.svc.${clusterDomain}${path}`;
}
