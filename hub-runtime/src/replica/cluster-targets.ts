/**
 * What a ServerConfig means for a hub in a cluster: an address, and the credentials to show there.
 *
 * Runs at each start of a server. What a server uses of the credentials is part of its identity (`usedBy`), so a changed value replaces
 * exactly the servers that use it, like any other change of them: calls in flight end where they began.
 */
import { credentialKey, type KeyRef, type ServerAddress, type ServerConfig } from '@quaymaster/crds';

import { declaredEndpoints, headersOf } from '../driver/index.ts';
import { type EndpointFeed, TargetError, type TargetResolver } from '../exchange/index.ts';

export interface ClusterTargetsDeps {
  readonly address: (server: string) => ServerAddress | undefined;
  readonly credential: (key: string) => string | undefined;
  readonly feed: (server: string) => EndpointFeed;
  /** Resolves when feeds say what is known. Bounded. */
  readonly heard: () => Promise<void>;
}

export function createClusterTargets(deps: ClusterTargetsDeps): TargetResolver {
  return {
    resolve: async (server) => {
      const address = deps.address(server.key);
      if (address === undefined) throw new TargetError('Unsupported', 'the operator has given no address for it', true);
      const headers = headersOf(server, (ref) => secretOf(server, ref, deps.credential));
      if (!address.inCluster) return { kind: 'http', url: address.url, headers, ...declaredEndpoints(server.source) };
      await deps.heard();
      const endpoints = deps.feed(server.key);
      if (address.bridgeToken === undefined) return { kind: 'http', url: address.url, headers, endpoints };
      const authorization = `Bearer ${bridgeToken(address.bridgeToken, deps.credential)}`;
      return { kind: 'http', url: address.url, headers: { ...headers, authorization }, endpoints, bridged: true };
    },
  };
}

/** Everything beside its configuration that makes a server what it is here: where it is, and the values it shows there. */
export function usedBy(
  server: ServerConfig,
  address: ServerAddress | undefined,
  credential: (key: string) => string | undefined,
): readonly unknown[] {
  const values = server.headers.flatMap((entry) =>
    'secretKeyRef' in entry ? [credential(keyOf(server, entry.secretKeyRef)) ?? null] : [],
  );
  const token = address?.bridgeToken === undefined ? [] : [credential(address.bridgeToken) ?? null];
  return [address?.url ?? null, address?.inCluster ?? null, values, token];
}

function secretOf(server: ServerConfig, ref: KeyRef, credential: ClusterTargetsDeps['credential']): string | undefined {
  const value = credential(keyOf(server, ref));
  if (value !== undefined || ref.optional) return value;
  throw new TargetError(
    'SecretNotFound',
    `Secret "${ref.name}" in namespace ${server.namespace} has no key "${ref.key}", or its value has not reached this hub yet; create it, or set optional: true on the reference`,
    true,
  );
}

function keyOf({ namespace }: ServerConfig, { name, key }: KeyRef): string {
  return credentialKey(namespace, name, key);
}

function bridgeToken(key: string, credential: ClusterTargetsDeps['credential']): string {
  const token = credential(key)?.trim();
  if (token !== undefined && /^[\u0021-\u007e]+$/.test(token)) return token;
  throw token === undefined
    ? new TargetError(
        'SecretNotFound',
        'the token of its bridge has not reached this hub yet; the operator sends it',
        true,
      )
    : new TargetError('SecretInvalid', 'the token of its bridge holds characters that no header may carry', true);
}
