/** Objects that servers and hubs have alike. */
import type { Json, KubeObject } from './types.ts';

type Labels = Readonly<Record<string, string>>;
type Body = Omit<KubeObject, 'metadata'> & { readonly name: string };

/** Without a token: nothing that runs in these Pods has business with the API server. */
export function serviceAccount(name: string): Body {
  return { apiVersion: 'v1', kind: 'ServiceAccount', name, automountServiceAccountToken: false };
}

export const servicePort = 80;

export function service(name: string, selector: Labels, more: Json = {}): Body {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    name,
    spec: {
      type: 'ClusterIP',
      selector,
      ...more,
      ports: [{ name: 'mcp', port: servicePort, targetPort: 'mcp', protocol: 'TCP', appProtocol: 'http' }],
    },
  };
}

/** One at a time, also of a single replica: a drain of a node must never wait for somebody to add replicas. */
export function disruptionBudget(name: string, selector: Labels): Body {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    name,
    spec: { maxUnavailable: 1, selector: { matchLabels: selector }, unhealthyPodEvictionPolicy: 'AlwaysAllow' },
  };
}

export interface DeploymentParts {
  readonly name: string;
  readonly selector: Labels;
  /** Absent: somebody else owns the number. */
  readonly replicas: number | undefined;
  readonly template: Json;
  /** The old Pod ends before the new one starts. */
  readonly recreate?: boolean;
}

export function deployment({ name, selector, replicas, template, recreate = false }: DeploymentParts): Body {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    name,
    spec: {
      ...(replicas === undefined ? {} : { replicas }),
      selector: { matchLabels: selector },
      revisionHistoryLimit: 3,
      strategy: recreate
        ? { type: 'Recreate' }
        : { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      template,
    },
  };
}

/** What every Pod has; `imagePullSecrets` is completed by the overlay. */
export function podBasics(serviceAccountName: string, imagePullSecrets: readonly string[], selector: Labels): Json {
  return {
    serviceAccountName,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    imagePullSecrets: imagePullSecrets.map((name) => ({ name })),
    topologySpreadConstraints: ['kubernetes.io/hostname', 'topology.kubernetes.io/zone'].map((topologyKey) => ({
      maxSkew: 1,
      topologyKey,
      whenUnsatisfiable: 'ScheduleAnyway',
      labelSelector: { matchLabels: selector },
    })),
  };
}
