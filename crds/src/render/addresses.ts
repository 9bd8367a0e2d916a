/** Where servers and hubs are found inside a cluster. */
import type { HubConfig, ServerConfig } from '../hub-config/index.ts';
import { hubNames, serverNames } from './names.ts';
import type { RenderSettings } from './settings.ts';

/** The bridge serves at one path, whatever the child is. */
const bridgePath = '/mcp';

/** Where hubs reach a server: its Service, or the place it names itself. */
export function serverUrl(config: ServerConfig, { clusterDomain }: RenderSettings): string {
  const { source } = config;
  if (source.kind === 'remote') return source.url;
  if (source.kind === 'hub')
    return 'url' in source ? source.url : hubAddress(source.name, config.namespace, source.path, clusterDomain);
  const path = config.transport === 'stdio' ? bridgePath : (config.http?.path ?? bridgePath);
  return `http://${serverNames(config.name).workload}.${config.namespace}.svc.${clusterDomain}${path}`;
}

/** What clients in the cluster use. */
export function hubUrl({ name, namespace, path }: HubConfig, { clusterDomain }: RenderSettings): string {
  return hubAddress(name, namespace, path, clusterDomain);
}

/** Replicas of a hub are interchangeable, so its Service will do. */
function hubAddress(name: string, namespace: string, path: string, clusterDomain: string): string {
  return `http://${hubNames(name).workload}.${namespace}.svc.${clusterDomain}${path}`;
}

/** Runs elsewhere, or is a hub with Pods of its own: nothing is rendered for it. */
export function isElsewhere({ source }: ServerConfig): boolean {
  return source.kind === 'remote' || source.kind === 'hub';
}
