/** What a hub's replicas must know of Pods: their own peers, and where the servers listen. Pure; from the caches of Pods and EndpointSlices. */
import type { ServerEndpoint } from '@quaymaster/crds';

import type { EndpointSlice, Pod } from '../world/index.ts';

export interface Peer {
  readonly name: string;
  readonly uid: string;
  readonly ip: string;
}

/** A service never has more addresses than this in a hub's message: the rest would only be more of the same. */
export const mostEndpoints = 1000;

/** Pods that run or ran and still have an address. Those that end are included: they own their sessions until they are gone. */
export function peersOf(pods: readonly Pod[]): readonly Peer[] {
  return pods
    .flatMap((pod) => {
      const { name, uid } = pod.metadata;
      const ip = pod.status?.podIP ?? '';
      if (ip === '' || uid === undefined || isFinished(pod)) return [];
      return [{ name, uid, ip }];
    })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** Its containers have ended and are not started again. */
export function isFinished(pod: Pod): boolean {
  const phase = pod.status?.phase;
  return phase === 'Succeeded' || phase === 'Failed';
}

/**
 * Addresses of one server, sorted: `ready` takes calls; `draining` ends but still serves what it has; `starting` runs and is not ready.
 * An address that is in two slices (Kubernetes moves endpoints between them) counts once, with the better state.
 */
export function endpointsOf(slices: readonly EndpointSlice[]): readonly ServerEndpoint[] {
  const found = new Map<string, ServerEndpoint['state']>();
  for (const slice of slices) {
    const port = slice.ports?.find((each) => each.name === 'mcp')?.port ?? undefined;
    if (port === undefined) continue;
    for (const endpoint of slice.endpoints ?? []) {
      const [ip] = endpoint.addresses ?? [];
      const state = stateOf(endpoint.conditions ?? {});
      if (ip === undefined || state === undefined) continue;
      const address = ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
      const known = found.get(address);
      if (known === undefined || rank[state] < rank[known]) found.set(address, state);
    }
  }
  return [...found]
    .map(([address, state]) => ({ address, state }))
    .toSorted((a, b) => rank[a.state] - rank[b.state] || (a.address < b.address ? -1 : 1))
    .slice(0, mostEndpoints);
}

const rank: Readonly<Record<ServerEndpoint['state'], number>> = { ready: 0, draining: 1, starting: 2 };

interface EndpointConditions {
  readonly ready?: boolean | null;
  readonly serving?: boolean | null;
  readonly terminating?: boolean | null;
}

function stateOf({ ready, serving, terminating }: EndpointConditions): ServerEndpoint['state'] | undefined {
  if (terminating === true) return serving === true ? 'draining' : undefined;
  // The API says: unknown is to be read as ready.
  return ready === false ? 'starting' : 'ready';
}
