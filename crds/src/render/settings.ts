/**
 * What an installation decides for all servers and hubs it runs: images, mirrors, resources, the operator's own place.
 *
 * The operator reads it from its chart values, `qm render` from `--settings`; both get the same objects from the same settings.
 */
export interface RenderSettings {
  readonly images: {
    /** The hub; also where the bridge for user images comes from. */
    readonly hub: string;
    readonly runnerNpm: string;
    readonly runnerPypi: string;
  };
  /** Names of Secrets in the namespace of each server and hub. */
  readonly imagePullSecrets: readonly string[];
  readonly mirrors: Mirrors;
  /** By `<namespace>/<name>` of a server, or `<namespace>` for all of one; wins over `mirrors`, the more exact key first. */
  readonly mirrorOverrides: Readonly<Record<string, Mirrors>>;
  /** The control stream: `host:port` (absent: the operator's Service) and the audience of the tokens it takes. */
  readonly control: { readonly address?: string; readonly audience: string };
  readonly resources: { readonly hub: Resources; readonly server: Resources };
  readonly clusterDomain: string;
  readonly operatorNamespace: string;
  /** How long calls in flight may finish when a hub Pod ends. */
  readonly hubDrainSeconds: number;
  /** Without it a hub with `auth.mode: none` gets no route from outside (EF-17). */
  readonly allowAnonymousExposure: boolean;
  /** Who inside the cluster may call a hub with `auth.mode: none`. */
  readonly anonymousCallers: 'namespace' | 'cluster';
  /** Its Pods may read metrics. Probes of the kubelet need no permission. */
  readonly monitoringNamespace?: string;
  /** Where servers may connect to, beside DNS. Absent: everywhere. */
  readonly serverEgress?: readonly EgressPeer[];
}

export interface Mirrors {
  readonly npm?: Mirror;
  readonly pypi?: Mirror;
}

export interface Mirror {
  readonly url: string;
  /** A file for the installer in the namespace of the server: an npmrc for npm, a netrc for pypi. */
  readonly secretRef?: { readonly name: string; readonly key: string };
}

export interface Resources {
  readonly requests: Readonly<Record<string, string>>;
  readonly limits: Readonly<Record<string, string>>;
}

export interface EgressPeer {
  readonly cidr: string;
  readonly ports: readonly number[];
}

/** No limit on CPU: a throttled hub is slow for everybody and gains nobody anything. */
export function defaultRenderSettings(version: string): RenderSettings {
  return {
    images: {
      hub: `quaymaster/hub:${version}`,
      runnerNpm: `quaymaster/runner-npm:${version}`,
      runnerPypi: `quaymaster/runner-pypi:${version}`,
    },
    imagePullSecrets: [],
    mirrors: {},
    mirrorOverrides: {},
    control: { audience: 'quaymaster.dev/control' },
    resources: {
      hub: {
        requests: { cpu: '100m', memory: '128Mi', 'ephemeral-storage': '64Mi' },
        limits: { memory: '512Mi', 'ephemeral-storage': '256Mi' },
      },
      server: {
        requests: { cpu: '50m', memory: '128Mi', 'ephemeral-storage': '128Mi' },
        limits: { memory: '1Gi', 'ephemeral-storage': '4Gi' },
      },
    },
    clusterDomain: 'cluster.local',
    operatorNamespace: 'quaymaster-system',
    hubDrainSeconds: 60,
    allowAnonymousExposure: false,
    anonymousCallers: 'namespace',
  };
}

/** The mirrors of one server. */
export function mirrorsOf(settings: RenderSettings, namespace: string, name: string): Mirrors {
  const { mirrors, mirrorOverrides } = settings;
  return { ...mirrors, ...own(mirrorOverrides, namespace), ...own(mirrorOverrides, `${namespace}/${name}`) };
}

function own(record: Readonly<Record<string, Mirrors>>, key: string): Mirrors {
  return Object.hasOwn(record, key) ? (record[key] ?? {}) : {};
}

export function controlAddress({ control, operatorNamespace, clusterDomain }: RenderSettings): string {
  return control.address ?? `quaymaster-operator-control.${operatorNamespace}.svc.${clusterDomain}:7578`;
}
