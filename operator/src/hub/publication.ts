/** What is said on the control stream to the replicas of one hub, and who may listen. From caches only; nothing is written here. */
import { type HubDocument, serverNames } from '@quaymaster/crds';

import type { Authorization, HubPublication, PodIdentity } from '../control/index.ts';
import { makeKey, splitKey } from '../kube/index.ts';
import type { World } from '../world/index.ts';
import type { Credentials } from './credentials.ts';
import { runsInCluster } from './document.ts';
import { endpointsOf, isFinished, peersOf } from './endpoints.ts';

export function publicationOf(
  { stores }: Pick<World, 'stores'>,
  key: string,
  document: HubDocument,
  credentials: Credentials,
): HubPublication {
  const inside = document.config.servers.filter(runsInCluster);
  const endpoints = inside.map(({ key: server, namespace, name }) => {
    const slices = stores.endpointSlices.byIndex('service', makeKey(namespace, serverNames(name).workload));
    return [server, endpointsOf(slices)] as const;
  });
  return {
    document,
    credentials,
    peers: peersOf(stores.pods.byIndex('hub', key)),
    endpoints: Object.fromEntries(endpoints),
  };
}

/**
 * May this Pod be a replica of this hub? The API server vouches for the Pod, its namespace and its uid (TokenReview); the Pod's label says whose
 * replica it is. Whoever may create Pods in a namespace may mount the hub's Secrets there anyway, so a borrowed label gains nobody anything.
 */
export function createHubAuthorizer({
  stores,
}: Pick<World, 'stores'>): (hub: string, pod: PodIdentity) => Authorization {
  return (hub, pod) => {
    if (stores.hubs.get(hub) === undefined) return 'unknownHub';
    if (splitKey(hub).namespace !== pod.namespace) return false;
    return stores.pods
      .byIndex('hub', hub)
      .some((each) => each.metadata.uid === pod.uid && each.metadata.name === pod.name && !isFinished(each));
  };
}
