/** One shared cache per kind, with the indexes by which controllers find things. */
import { type KubeObject, makeKey, type Informer, type InformerRequest, type Manager } from '../kube/index.ts';
import { referencesOf } from './references.ts';
import { resources } from './resources.ts';
import {
  hubLabel,
  managedBy,
  serverLabel,
  slimCompanion,
  slimDeployment,
  slimOwned,
  slimPod,
  slimSlice,
} from './slim.ts';
import type { Deployment, EndpointSlice, Pod, Stores } from './types.ts';

const ours = `${managedBy}=quaymaster`;

export interface Caches {
  readonly stores: Stores;
  readonly gatewayServed: () => boolean;
  whenSynced(signal?: AbortSignal): Promise<void>;
}

export function createCaches(manager: Manager, namespaces: readonly string[]): Caches {
  const informers: Informer<never>[] = [];
  const watch = <T extends KubeObject>(request: Omit<InformerRequest<T>, 'namespaces'>): Informer<T> => {
    const informer = manager.informer<T>({ ...request, ...(namespaces.length === 0 ? {} : { namespaces }) });
    informers.push(informer as unknown as Informer<never>);
    return informer;
  };
  const owned = <T extends KubeObject>(
    resource: InformerRequest<T>['resource'],
    transform: (object: T) => T,
    optional = false,
  ): Informer<T> =>
    watch<T>({
      resource,
      labelSelector: ours,
      transform,
      indexers: { owner: ownerUid, server: labelled(serverLabel) },
      optional,
    });

  const httpRoutes = owned(resources.httpRoutes, slimOwned, true);
  const stores: Stores = {
    servers: watch({ resource: resources.servers, indexers: { reference: referencesOf } }).store,
    hubs: watch({ resource: resources.hubs, indexers: { reference: referencesOf } }).store,
    deployments: owned<Deployment>(resources.deployments, slimDeployment).store,
    services: owned(resources.services, slimOwned).store,
    serviceAccounts: owned(resources.serviceAccounts, slimOwned).store,
    disruptionBudgets: owned(resources.disruptionBudgets, slimOwned).store,
    networkPolicies: owned(resources.networkPolicies, slimOwned).store,
    ingresses: owned(resources.ingresses, slimOwned).store,
    httpRoutes: httpRoutes.store,
    endpointSlices: watch<EndpointSlice>({
      resource: resources.endpointSlices,
      labelSelector: ours,
      transform: slimSlice,
      indexers: { service: labelled('kubernetes.io/service-name') },
    }).store,
    pods: watch<Pod>({
      resource: resources.pods,
      labelSelector: ours,
      transform: slimPod,
      indexers: { server: labelled(serverLabel), hub: labelled(hubLabel) },
    }).store,
    secrets: watch({
      resource: resources.secrets,
      metadataOnly: true,
      transform: slimCompanion,
      indexers: { owner: ownerUid, server: labelled(serverLabel) },
    }).store,
    configMaps: watch({ resource: resources.configMaps, metadataOnly: true, transform: slimCompanion }).store,
  };
  return {
    stores,
    gatewayServed: () => httpRoutes.states.some((state) => state.synced && state.phase !== 'absent'),
    async whenSynced(signal) {
      await Promise.all(informers.map((informer) => informer.whenSynced(signal)));
    },
  };
}

function ownerUid({ metadata }: KubeObject): readonly string[] {
  const controller = metadata.ownerReferences?.find((owner) => owner.controller === true);
  return controller === undefined ? [] : [controller.uid];
}

function labelled(label: string): (object: KubeObject) => readonly string[] {
  return ({ metadata }) => {
    const value = metadata.labels?.[label];
    return value === undefined ? [] : [makeKey(metadata.namespace, value)];
  };
}
