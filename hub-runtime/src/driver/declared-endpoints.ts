/** The replicas of a remote server as its manifest names them: always all of them; one that fails is left out for a while by who calls it. */
import type { ServerSource } from '@quaymaster/crds';

import type { EndpointFeed } from '../exchange/index.ts';

export function declaredEndpoints(source: ServerSource): { readonly endpoints?: EndpointFeed } {
  if (source.kind !== 'remote' || source.endpoints === undefined) return {};
  const current = source.endpoints.map((address) => ({ address, state: 'ready' }) as const);
  return { endpoints: { current, subscribe: () => () => {} } };
}
