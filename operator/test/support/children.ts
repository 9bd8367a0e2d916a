/** The objects that a hub or a server consists of, of every kind the operator owns, for tests that write them to a real API server. */
import type { KubeObject, Resource } from '../../src/kube/index.ts';
import { configMaps } from './world.ts';

const core = (kind: string, plural: string): Resource => ({ group: '', version: 'v1', kind, plural, namespaced: true });
const deployments: Resource = {
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  plural: 'deployments',
  namespaced: true,
};
export const services = core('Service', 'services');
export const kinds: Readonly<Record<string, Resource>> = {
  Deployment: deployments,
  Service: services,
  ServiceAccount: core('ServiceAccount', 'serviceaccounts'),
  ConfigMap: configMaps,
  Secret: core('Secret', 'secrets'),
  NetworkPolicy: {
    group: 'networking.k8s.io',
    version: 'v1',
    kind: 'NetworkPolicy',
    plural: 'networkpolicies',
    namespaced: true,
  },
  PodDisruptionBudget: {
    group: 'policy',
    version: 'v1',
    kind: 'PodDisruptionBudget',
    plural: 'poddisruptionbudgets',
    namespaced: true,
  },
  HorizontalPodAutoscaler: {
    group: 'autoscaling',
    version: 'v2',
    kind: 'HorizontalPodAutoscaler',
    plural: 'horizontalpodautoscalers',
    namespaced: true,
  },
  Role: { group: 'rbac.authorization.k8s.io', version: 'v1', kind: 'Role', plural: 'roles', namespaced: true },
};

const labels = { app: 'hub' };
/** Everything a hub or a server needs, written as people write it, with forms that the server normalises. */
export function children(
  over: { readonly cpu?: string; readonly image?: string; readonly selector?: string } = {},
): KubeObject[] {
  const meta = (name: string) => ({ name, namespace: 'default', labels });
  const podSelector = { matchLabels: labels };
  const of = (kind: string, name: string, rest: object): KubeObject => {
    const { group, version } = kinds[kind] as Resource;
    return {
      apiVersion: group === '' ? version : `${group}/${version}`,
      kind,
      metadata: meta(name),
      ...rest,
    } as KubeObject;
  };
  return [
    of('ServiceAccount', 'hub', { automountServiceAccountToken: false }),
    of('ConfigMap', 'hub', { data: { 'config.json': '{}' } }),
    of('Secret', 'hub', { type: 'Opaque', data: { key: 'c2VjcmV0' } }),
    of('Role', 'hub', { rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] }] }),
    of('NetworkPolicy', 'hub', {
      spec: {
        podSelector,
        policyTypes: ['Ingress', 'Egress'],
        ingress: [{ from: [{ namespaceSelector: {} }], ports: [{ port: 8080 }] }],
        egress: [{}],
      },
    }),
    of('Service', 'hub', { spec: { selector: labels, ports: [{ name: 'http', port: 80, targetPort: 8080 }] } }),
    of('PodDisruptionBudget', 'hub', { spec: { maxUnavailable: 1, selector: podSelector } }),
    of('HorizontalPodAutoscaler', 'hub', {
      spec: {
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'hub' },
        minReplicas: 1,
        // More than any test scales it to by hand: what is above would be taken back within 15 s.
        maxReplicas: 9,
        metrics: [
          { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 60 } } },
        ],
      },
    }),
    of('Deployment', 'hub', {
      spec: {
        selector: { matchLabels: { ...labels, ...(over.selector === undefined ? {} : { other: over.selector }) } },
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
        template: {
          metadata: { labels: { ...labels, ...(over.selector === undefined ? {} : { other: over.selector }) } },
          spec: {
            serviceAccountName: 'hub',
            automountServiceAccountToken: false,
            securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
            topologySpreadConstraints: [
              {
                maxSkew: 1,
                topologyKey: 'kubernetes.io/hostname',
                whenUnsatisfiable: 'ScheduleAnyway',
                labelSelector: podSelector,
              },
            ],
            tolerations: [{ key: 'spot', operator: 'Exists' }],
            initContainers: [
              { name: 'copy', image: 'copy:1', volumeMounts: [{ name: 'shared', mountPath: '/shared' }] },
            ],
            containers: [
              {
                name: 'hub',
                image: over.image ?? 'hub:1',
                args: ['--config', '/config'],
                env: [
                  { name: 'EMPTY', value: '' },
                  { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
                ],
                ports: [{ name: 'http', containerPort: 8080 }],
                resources: { requests: { cpu: over.cpu ?? '0.5', memory: '1024Mi' }, limits: { memory: '1Gi' } },
                readinessProbe: { httpGet: { path: '/readyz', port: 'http' } },
                securityContext: {
                  allowPrivilegeEscalation: false,
                  readOnlyRootFilesystem: true,
                  capabilities: { drop: ['ALL'] },
                },
                volumeMounts: [
                  { name: 'config', mountPath: '/config', readOnly: true },
                  { name: 'shared', mountPath: '/shared' },
                ],
              },
            ],
            volumes: [
              { name: 'config', configMap: { name: 'hub' } },
              { name: 'shared', emptyDir: {} },
            ],
          },
        },
      },
    }),
  ];
}
