/** The kinds the operator knows, written down so that nothing has to be discovered before the first request. */
import type { Resource } from '../kube/index.ts';

const namespaced = (group: string, version: string, kind: string, plural: string): Resource => ({
  group,
  version,
  kind,
  plural,
  namespaced: true,
});

export const resources = {
  servers: namespaced('quaymaster.dev', 'v1alpha1', 'McpServer', 'mcpservers'),
  hubs: namespaced('quaymaster.dev', 'v1alpha1', 'McpHub', 'mcphubs'),
  deployments: namespaced('apps', 'v1', 'Deployment', 'deployments'),
  services: namespaced('', 'v1', 'Service', 'services'),
  serviceAccounts: namespaced('', 'v1', 'ServiceAccount', 'serviceaccounts'),
  disruptionBudgets: namespaced('policy', 'v1', 'PodDisruptionBudget', 'poddisruptionbudgets'),
  networkPolicies: namespaced('networking.k8s.io', 'v1', 'NetworkPolicy', 'networkpolicies'),
  ingresses: namespaced('networking.k8s.io', 'v1', 'Ingress', 'ingresses'),
  httpRoutes: namespaced('gateway.networking.k8s.io', 'v1', 'HTTPRoute', 'httproutes'),
  endpointSlices: namespaced('discovery.k8s.io', 'v1', 'EndpointSlice', 'endpointslices'),
  pods: namespaced('', 'v1', 'Pod', 'pods'),
  secrets: namespaced('', 'v1', 'Secret', 'secrets'),
  configMaps: namespaced('', 'v1', 'ConfigMap', 'configmaps'),
} as const satisfies Readonly<Record<string, Resource>>;
