/** Documents with the hashes they name. */
import { contentHash, type HubConfig, type HubDocument, hubDocument, type ServerConfig } from '@quaymaster/crds';

import { hubConfig, serverConfig } from '../../fixtures/index.ts';

export interface DocumentChanges {
  readonly servers?: readonly ServerConfig[];
  readonly config?: Partial<HubConfig>;
  readonly addresses?: HubDocument['addresses'];
  readonly hosts?: readonly string[];
}

export function documentOf(generation: number, changes: DocumentChanges = {}): HubDocument {
  const { servers = [serverConfig('a')], config = {}, hosts = [] } = changes;
  const { hash: _hash, ...body } = { ...hubConfig(servers), ...config };
  const addresses = Object.fromEntries(
    servers.map(({ key, name }) => [key, { url: `http://${name}.svc/mcp`, inCluster: true }]),
  );
  return hubDocument({
    generation,
    config: { ...body, hash: contentHash(body) },
    addresses: changes.addresses ?? addresses,
    hosts,
  });
}
